import type { Network } from "../../models/index.js";
import type { Evaluation } from "../metrics.js";
import { type ClassifyOptions, classify, evaluationOf, meanOverNetworks } from "./classify.js";
import type { RunLog } from "./types.js";
import type { SplitData, Workspace } from "./workspace.js";

/** Figures of the networks of a run. */
export interface TestedNetworks {
  /** Null for methods without a teacher. */
  teacher: Evaluation | null;
  student: Evaluation;
  /** Of the mean of the class probabilities of both; null without a teacher. */
  ensemble: Evaluation | null;
}

/** Tests the student and, where there is one, the teacher and the mean of both on the test part. */
export async function testNetworks(
  ws: Workspace,
  { student, teacher }: { student: Network; teacher: Network | null },
  { split: { T }, labels }: Pick<SplitData, "split" | "labels">,
  { log, ...options }: Omit<ClassifyOptions, "onProgress"> & { log: RunLog },
): Promise<TestedNetworks & { probabilities: Float32Array[] }> {
  const on = (network: Network, label: string) =>
    classify(ws, network, T, { ...options, onProgress: (done, total) => log.progress({ label, done, total }) });
  const figures = (probabilities: Float32Array[]) => evaluationOf(ws, T, labels, probabilities);
  const probabilities = await on(student, "testing the student");
  if (!teacher) return { student: figures(probabilities), teacher: null, ensemble: null, probabilities };
  const teachers = await on(teacher, "testing the teacher");
  return {
    teacher: figures(teachers),
    student: figures(probabilities),
    ensemble: figures(meanOverNetworks([probabilities, teachers])),
    probabilities,
  };
}
