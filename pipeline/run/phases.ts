import { phasesOf } from "../methods.js";
import { ContrastivePhase } from "./contrastivePhase.js";
import { FixMatchPhase } from "./fixMatchPhase.js";
import { MetaPhase } from "./metaPhase.js";
import type { RunNetworks } from "./networks.js";
import type { Phase } from "./phase.js";
import { SupervisedPhase } from "./supervisedPhase.js";
import type { PhaseName } from "./types.js";
import type { SplitData, Workspace } from "./workspace.js";

type TrainedNetworks = Pick<RunNetworks, "student" | "teacher" | "average">;

/** A phase of a configuration's method, by its name. */
export function createPhase(name: PhaseName, ws: Workspace, data: SplitData, networks: TrainedNetworks): Phase {
  const { student, teacher, average } = networks;
  if (name === "contrastive") return new ContrastivePhase(ws, data, student);
  if (name === "train" && teacher) return new MetaPhase(ws, data, teacher, student, average);
  if (name === "train") return new FixMatchPhase(ws, data, student, average);
  if (name === "finetune") return new SupervisedPhase(ws, data, student, "finetune", "fine-tuning the student", false);
  if (teacher) return new SupervisedPhase(ws, data, teacher, "pretrain", "pre-training the teacher", false);
  if (phasesOf(ws.config).includes("train"))
    return new SupervisedPhase(ws, data, student, "pretrain", "pre-training the student", false);
  return new SupervisedPhase(ws, data, student, "pretrain", "training on the labels", true);
}
