import { damaged } from "./check.js";
import { formatOf, headBytes } from "./formats.js";
import { decodeJpeg } from "./jpeg.js";
import { decodePng } from "./png.js";
import { openTiff } from "./tiff.js";
import type { ByteSource, ImageFile, Page } from "./types.js";

/** A PNG or JPEG is read as a whole: larger files than this are no such images. */
const mostBytes = 2 ** 30;

/**
 * Opens an image of any format that is read; the pages of a TIFF are decoded one by one.
 * @throws UserError naming the file: empty, damaged, too large, or of another format (then also the converter)
 */
export async function openImage(source: ByteSource): Promise<ImageFile> {
  const { name, size } = source;
  const format = formatOf(await source.read(0, Math.min(headBytes, size)), name);
  if (format === "TIFF") return openTiff(source);
  if (size > mostBytes) throw damaged(name, format, `${size} bytes`);
  return {
    format,
    metas: [{}],
    page: async () => {
      const bytes = await source.read(0, size);
      return format === "PNG" ? decodePng(bytes, name) : decodeJpeg(bytes, name);
    },
  };
}

/** All pages of a file in memory. @throws UserError as `openImage` */
export async function readImage(bytes: Uint8Array, name: string): Promise<{ pages: Page[] }> {
  const file = await openImage(bytesSource(bytes, name));
  const pages: Page[] = [];
  for (let i = 0; i < file.metas.length; i++) pages.push(await file.page(i));
  return { pages };
}

/** A file that is in memory as a source. */
export function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}
