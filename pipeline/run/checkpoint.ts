import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { type Device, type Tensor, UserError } from "../../engine/index.js";
import { parseSafetensors, type RawTensor, writeSafetensors } from "../../models/index.js";
import { writeAtomic } from "./folder.js";

const bestSchema = z.object({ epoch: z.number(), balancedAccuracy: z.number(), loss: z.number() });

/** Everything of a run's state that is no tensor. */
const stateSchema = z.object({
  /** Index of the phase, and the next step in it. */
  phase: z.number(),
  step: z.number(),
  best: bestSchema.nullable(),
  bestEpoch: z.number().nullable(),
  seconds: z.number(),
  metricsBytes: z.number(),
  /** Scalars of the steps since the last line of metrics, and sums over the epoch. */
  window: z.array(z.array(z.number())),
  epochSums: z.array(z.number()),
  epochSteps: z.number(),
  epochSeconds: z.number(),
  optimizerSteps: z.array(z.number()),
  batchesTracked: z.record(z.string(), z.record(z.string(), z.number())),
  /** Digest of the image list and split, so that a run is not continued on other images. */
  data: z.string(),
});
export type RunState = z.infer<typeof stateSchema>;

/** Tensors of a checkpoint by name: vectors as they lie on the GPU. */
export type StateTensors = Readonly<Record<string, Tensor>>;

/** Writes state and tensors as one file, atomically. @param arrays further integers, such as the epoch's plan */
export async function writeCheckpoint(
  file: string,
  device: Device,
  state: RunState,
  tensors: StateTensors,
  arrays: Readonly<Record<string, Int32Array>>,
): Promise<void> {
  const all = new Map<string, RawTensor>();
  for (const [name, tensor] of Object.entries(tensors)) {
    all.set(name, { dtype: "F32", shape: [...tensor.shape], data: await device.read(tensor) });
  }
  for (const [name, values] of Object.entries(arrays))
    all.set(name, { dtype: "I32", shape: [values.length], data: Int32Array.from(values) });
  writeAtomic(file, writeSafetensors(all, { equipoise: "checkpoint", state: JSON.stringify(state) }));
}

export interface Checkpoint {
  readonly state: RunState;
  readonly tensors: ReadonlyMap<string, RawTensor>;
}

/** The checkpoint of a run, or null where none was written yet. @throws UserError naming a damaged file. */
export function readCheckpoint(file: string): Checkpoint | null {
  if (!existsSync(file)) return null;
  const { tensors, metadata } = parseSafetensors(readFileSync(file), file);
  const state = stateSchema.safeParse(JSON.parse(metadata.state ?? "null"));
  if (!state.success)
    throw new UserError(
      `${file}: is no checkpoint of this version (${state.error.issues[0]?.message ?? "unknown"}): start the run again`,
    );
  return { state: state.data, tensors };
}

/** Puts a checkpoint's vectors back. @throws UserError if one is missing or of another length. */
export function restoreTensors(device: Device, checkpoint: Checkpoint, tensors: StateTensors, file: string): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    const saved = checkpoint.tensors.get(name);
    if (!saved || saved.data.length !== tensor.size)
      throw new UserError(`${file}: does not fit this run ("${name}" is missing or of another size)`);
    device.write(tensor, saved.data as Float32Array);
  }
}

/** An array of integers of a checkpoint. */
export function savedArray(checkpoint: Checkpoint, name: string): Int32Array | null {
  const saved = checkpoint.tensors.get(name);
  return saved ? Int32Array.from(saved.data as Int32Array) : null;
}
