/** Renders a plan, inline or on worker threads. The files do not depend on which: every image has its own random stream. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { PlannedImage } from "./plan.js";
import { renderImage, type SynthJob, type SynthRecord } from "./render.js";
import type { SynthAnswer } from "./worker.js";

export interface Rendered {
  /** In the order of the plan. */
  readonly records: SynthRecord[];
  readonly bytes: number;
  /** Worker threads used; 0 when everything ran in the main thread. */
  readonly workers: number;
}

export interface PoolOptions {
  /** Worker threads; 0 renders in this thread. By default one per processor, up to 8, and no more than the work is worth. */
  readonly workers?: number;
  /** The bundled `worker.ts`; found by itself in a build. */
  readonly workerFile?: string;
  readonly signal?: AbortSignal;
  readonly onDone: (images: number) => void;
}

/** Images in one message to a worker: few enough to share the end of a set fairly. */
const BATCH = 4;
const MOST_WORKERS = 8;
const IMAGES_WORTH_A_WORKER = 32;

/** The worker's bundle next to this module or below the bundle this module is part of; null when run from the sources. */
export function findWorkerFile(): string | null {
  const candidates = [
    "./pipeline/synth/worker.js",
    "../pipeline/synth/worker.js",
    "../synth/worker.js",
    "../../pipeline/synth/worker.js",
  ];
  for (const candidate of candidates) {
    const file = fileURLToPath(new URL(candidate, import.meta.url));
    if (existsSync(file)) return file;
  }
  return null;
}

/** Renders every image of a plan. Rejects with the first error, after stopping all workers. */
export async function renderPlan(
  job: SynthJob,
  plan: readonly PlannedImage[],
  options: PoolOptions,
): Promise<Rendered> {
  const file = options.workerFile ?? findWorkerFile();
  const worth = Math.min(availableParallelism(), MOST_WORKERS, Math.floor(plan.length / IMAGES_WORTH_A_WORKER));
  const workers = options.workers ?? worth;
  if (file === null || workers < 1) return renderInline(job, plan, options);
  return renderOnWorkers(job, plan, file, workers, options);
}

async function renderInline(job: SynthJob, plan: readonly PlannedImage[], options: PoolOptions): Promise<Rendered> {
  const records: SynthRecord[] = [];
  let bytes = 0;
  for (const image of plan) {
    options.signal?.throwIfAborted();
    const done = await renderImage(job, image);
    records.push(done.record);
    bytes += done.bytes;
    options.onDone(1);
  }
  return { records, bytes, workers: 0 };
}

async function renderOnWorkers(
  job: SynthJob,
  plan: readonly PlannedImage[],
  file: string,
  count: number,
  options: PoolOptions,
): Promise<Rendered> {
  const records = new Array<SynthRecord>(plan.length);
  let bytes = 0;
  let next = 0;
  const takeBatch = (): number[] | null => {
    if (next >= plan.length) return null;
    const end = Math.min(next + BATCH, plan.length);
    const indices = Array.from({ length: end - next }, (_, i) => next + i);
    next = end;
    return indices;
  };
  const accept = (answer: SynthAnswer): void => {
    answer.indices.forEach((index, i) => {
      records[index] = answer.records[i]!;
    });
    bytes += answer.bytes;
    options.onDone(answer.indices.length);
  };
  const workers = Array.from({ length: count }, () => new Worker(file, { workerData: job }));
  try {
    await Promise.all(workers.map((worker) => drive(worker, takeBatch, accept, options.signal)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return { records, bytes, workers: count };
}

/** Keeps one worker busy until there are no batches left. */
function drive(
  worker: Worker,
  takeBatch: () => number[] | null,
  accept: (answer: SynthAnswer) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let finished = false;
    const send = (): void => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const batch = takeBatch();
      finished = batch === null;
      worker.postMessage(batch);
    };
    worker.on("message", (answer: SynthAnswer) => {
      accept(answer);
      send();
    });
    worker.on("error", reject);
    worker.on("exit", (code) => {
      if (finished) resolve();
      else reject(new Error(`synth: a worker thread ended early with code ${code}`));
    });
    send();
  });
}
