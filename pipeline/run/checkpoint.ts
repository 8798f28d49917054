import * as z from "zod";
import { type Device, type Tensor, UserError } from "../../engine/index.js";
import { parseSafetensors, type RawTensor, type SafetensorsFile, writeSafetensors } from "../../models/index.js";
import { type RunStore, reason, runFiles } from "./store.js";

/** Forward passes that each batch norm has seen, by its name. */
const trackedSchema = z.record(z.string(), z.number());

const bestSchema = z.object({
  epoch: z.number(),
  balancedAccuracy: z.number(),
  loss: z.number(),
  batchesTracked: trackedSchema,
});

/** Everything of a run's state that is no tensor. */
const stateSchema = z.object({
  /** Index of the phase, and the next step in it. */
  phase: z.number(),
  step: z.number(),
  best: bestSchema.nullable(),
  seconds: z.number(),
  metricsBytes: z.number(),
  /** Scalars of the steps since the last line of metrics, and sums over the epoch. */
  window: z.array(z.array(z.number())),
  epochSums: z.array(z.number()),
  epochSteps: z.number(),
  epochSeconds: z.number(),
  optimizerSteps: z.array(z.number()),
  batchesTracked: z.record(z.string(), trackedSchema),
  /** Kernel variants by operation and shape class: the same ones repeat bitwise. */
  choices: z.record(z.string(), z.string()),
});
export type RunState = z.infer<typeof stateSchema>;

/** Tensors of a checkpoint by name: vectors as they lie on the GPU. */
export type StateTensors = Readonly<Record<string, Tensor>>;

/** Values of tensors by name. */
export type TensorValues = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

export const noValues: TensorValues = new Map();

export async function readTensors(device: Device, tensors: StateTensors): Promise<TensorValues> {
  const values = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, tensor] of Object.entries(tensors)) values.set(name, await device.read(tensor));
  return values;
}

/**
 * Writes state and tensors as one file of a run, atomically.
 * @param arrays further integers, such as the epoch's plan
 * @param known tensors that have been read already, and have not changed since
 */
export async function writeCheckpoint(
  store: RunStore,
  device: Device,
  state: RunState,
  tensors: StateTensors,
  arrays: Readonly<Record<string, Int32Array>>,
  known: TensorValues = noValues,
): Promise<void> {
  const all = new Map<string, RawTensor>();
  for (const [name, tensor] of Object.entries(tensors)) {
    const data = known.get(name) ?? (await device.read(tensor));
    all.set(name, { dtype: "F32", shape: [...tensor.shape], data });
  }
  for (const [name, values] of Object.entries(arrays))
    all.set(name, { dtype: "I32", shape: [values.length], data: Int32Array.from(values) });
  const metadata = { equipoise: "checkpoint", state: JSON.stringify(state) };
  const sha256 = await digestOf(store, metadata.state, all);
  await store.write(runFiles.checkpoint, writeSafetensors(all, { ...metadata, sha256 }));
}

export interface Checkpoint {
  readonly state: RunState;
  readonly tensors: ReadonlyMap<string, RawTensor>;
}

/** The checkpoint of a run, or null where none was written yet. @throws UserError naming a damaged file. */
export async function readCheckpoint(store: RunStore): Promise<Checkpoint | null> {
  const bytes = await store.read(runFiles.checkpoint);
  if (!bytes) return null;
  const file = store.nameOf(runFiles.checkpoint);
  const { tensors, metadata } = parsed(bytes, file);
  const { state = "null", sha256 } = metadata;
  if (sha256 !== (await digestOf(store, state, tensors))) throw damaged(file, "its content does not fit its digest");
  const read = stateSchema.safeParse(JSON.parse(state));
  if (read.success) return { state: read.data, tensors };
  const issue = read.error.issues[0];
  throw damaged(file, `"${issue?.path.join(".")}": ${issue?.message}; was it written by another version?`);
}

function parsed(bytes: Uint8Array, file: string): SafetensorsFile {
  try {
    return parseSafetensors(bytes, file);
  } catch (error) {
    throw damaged(file, reason(error).replace(`${file}: `, ""));
  }
}

function damaged(file: string, why: string): UserError {
  return new UserError(
    `${file}: the checkpoint is damaged (${why}). Restore it, or remove it and resume to start the run from its beginning`,
  );
}

/** SHA-256 of the state and of all tensors' bytes. */
function digestOf(store: RunStore, state: string, tensors: ReadonlyMap<string, RawTensor>): Promise<string> {
  return store.sha256([state, ...[...tensors].flatMap(([name, { data }]) => [name, data])]);
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
