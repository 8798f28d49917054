import { UserError } from "../../../engine/errors.js";
import type { ByteSource } from "../../../pipeline/images/index.js";
import { formatBytes } from "../shared/format.js";

/** A well of 2908 x 2908 px is 8.5 MB, one frame of 16 bits 17 MB: larger files than this do not fit into a page. */
export const mostFileBytes = 512e6;

/**
 * A file that the visitor chose, as a source of images. Nothing of it is read yet.
 * @throws UserError for a file that is too large for a page
 */
export function blobSource(file: File): ByteSource {
  const { name, size } = file;
  if (size > mostFileBytes)
    throw new UserError(
      `${name}: has ${formatBytes(size)}, more than the ${formatBytes(mostFileBytes)} that this page reads: ` +
        "cut it into single images, or use the command equipoise detect",
    );
  const read = async (offset: number, length: number) => {
    const part = await file
      .slice(offset, offset + length)
      .arrayBuffer()
      .catch((error: Error) => {
        throw new UserError(`${name}: cannot be read (${error.message}): was it moved or changed? Choose it again`);
      });
    return new Uint8Array(part);
  };
  return { name, size, read };
}
