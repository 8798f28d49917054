import { readFile } from "node:fs/promises";
import { UserError } from "../../engine/errors.js";
import type { RawTensor } from "../../models/safetensors.js";
import { checkWritable, writeTensors } from "../rawTensors/files.js";
import { reason } from "../run/folder.js";
import type { PickleValue } from "./pickle.js";
import { readTorchFile, TorchTensor } from "./torchFile.js";

export const parts = ["student", "teacher"] as const;
export type Part = (typeof parts)[number];

export interface ImportedWeights {
  tensors: number;
  /** Numbers in all tensors. */
  values: number;
  /** Key of the checkpoint that they stood under; null: the file is the state dict itself. */
  key: string | null;
}

/**
 * Takes one network's weights out of a checkpoint and writes them as safetensors.
 * @throws UserError naming the file and what is wrong with it
 */
export async function importPth(file: string, out: string, part?: Part): Promise<ImportedWeights> {
  await checkWritable("--out", out);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new UserError(`${file}: cannot be read (${reason(error)})`);
  });
  const { tensors, key } = stateDict(readTorchFile(bytes, file), file, part);
  await writeTensors("--out", out, tensors);
  const values = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  return { tensors: tensors.size, values, key };
}

/**
 * The state dict of a checkpoint: of the part asked for (`student_state_dict`), else of the student where there is one, under
 * `state_dict` (`model_state_dict`), or the file itself. The prefix `module.` of DataParallel is taken off.
 */
export function stateDict(
  content: PickleValue,
  source: string,
  part?: Part,
): { tensors: Map<string, RawTensor>; key: string | null } {
  if (!(content instanceof Map)) throw new UserError(`${source}: holds no dict of weights`);
  const wanted = part ? [`${part}_state_dict`] : ["student_state_dict", "state_dict", "model_state_dict"];
  const key = wanted.find((name) => content.has(name)) ?? null;
  if (part && key === null)
    throw new UserError(
      `${source}: has no "${part}_state_dict"; it has ${keys(content)}: leave out --part, or choose the other`,
    );
  const dict = key === null ? content : content.get(key);
  if (!(dict instanceof Map)) throw new UserError(`${source}: "${key}" is no dict of tensors`);
  const entries = [...dict].map(([name, value]): [string, RawTensor] => {
    if (typeof name === "string" && value instanceof TorchTensor) return [name, value.raw];
    const where = key === null ? "" : ` of "${key}"`;
    throw new UserError(`${source}: entry "${String(name)}"${where} is no tensor; the file has ${keys(content)}`);
  });
  if (entries.length === 0) throw new UserError(`${source}: "${key ?? "the file"}" has no tensors`);
  const parallel = entries.every(([name]) => name.startsWith("module."));
  const tensors = new Map(entries.map(([name, tensor]) => [parallel ? name.slice("module.".length) : name, tensor]));
  return { tensors, key };
}

function keys(content: Map<PickleValue, PickleValue>): string {
  const names = [...content.keys()].map(String);
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}
