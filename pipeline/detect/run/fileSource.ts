import { createHash } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { UserError } from "../../../engine/errors.js";
import { type ByteSource, prepareJpeg } from "../../images/index.js";

/** A file on disk as a source of images; the caller closes it. */
export interface FileSource extends ByteSource {
  /** sha256 of the content, read in small parts. */
  digest(): Promise<string>;
  close(): Promise<void>;
}

const part = 2 ** 20;

/** @param name used in errors @throws UserError naming a file that cannot be opened */
export async function openFile(path: string, name: string): Promise<FileSource> {
  const handle = await open(path, "r").catch((error) => Promise.reject(unreadable(name, error)));
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new UserError(`${name}: is no file; give an image or a folder of images`);
    const read = (offset: number, length: number) => readPart(handle, name, offset, length);
    return { name, size: info.size, read, digest: () => digestOf(info.size, read), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readPart(handle: FileHandle, name: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle
      .read(bytes, done, length - done, offset + done)
      .catch((error) => Promise.reject(unreadable(name, error)));
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

async function digestOf(size: number, read: ByteSource["read"]): Promise<string> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < size; offset += part) hash.update(await read(offset, Math.min(part, size - offset)));
  return hash.digest("hex");
}

function unreadable(name: string, error: unknown): UserError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new UserError(`${name}: cannot be read (${code ?? message}); restore the file or its permissions`);
}

let prepared: Promise<void> | null = null;

/** Loads the JPEG decoder from the installed package, once. */
export function prepareNodeJpeg(): Promise<void> {
  prepared ??= (async () => {
    const file = fileURLToPath(import.meta.resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"));
    await prepareJpeg(await WebAssembly.compile(await readFile(file)));
  })();
  return prepared;
}
