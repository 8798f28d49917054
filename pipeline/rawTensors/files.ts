import { constants } from "node:fs";
import { access, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { UserError } from "../../engine/errors.js";
import { parseSafetensors, type RawTensor, writeSafetensors } from "../../models/safetensors.js";
import { reason } from "../run/folder.js";

/** The tensors of a safetensors file. @throws UserError naming the option and the file */
export async function readTensors(option: string, file: string): Promise<Map<string, RawTensor>> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new UserError(`${option} ${file}: cannot be read (${reason(error)})`);
  });
  return parseSafetensors(bytes, file).tensors;
}

/** Writes tensors with the metadata that torch's own files carry. */
export async function writeTensors(
  option: string,
  file: string,
  tensors: ReadonlyMap<string, RawTensor>,
): Promise<void> {
  await write(option, file, writeSafetensors(tensors, { format: "pt" }));
}

export async function writeJson(option: string, file: string, value: unknown): Promise<void> {
  await write(option, file, `${JSON.stringify(value)}\n`);
}

/** Before any work: @throws UserError if a file could not be written. */
export async function checkWritable(option: string, file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found?.isDirectory()) throw new UserError(`${option} ${file}: is a folder; give the name of a file`);
  await access(dirname(resolve(file)), constants.W_OK).catch((error: unknown) => {
    throw new UserError(
      `${option} ${file}: cannot be written (${reason(error)}); choose a folder that exists and is writable`,
    );
  });
}

async function write(option: string, file: string, data: Uint8Array | string): Promise<void> {
  await writeFile(file, data).catch((error: unknown) => {
    throw new UserError(`${option} ${file}: cannot be written (${reason(error)})`);
  });
}
