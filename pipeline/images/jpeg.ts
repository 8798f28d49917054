import decode, { init } from "@jsquash/jpeg/decode.js";
import { UserError } from "../../engine/errors.js";
import { checkPixels, damaged } from "./check.js";
import type { Page, PageMeta } from "./types.js";

/** JPEG by MozJPEG as WebAssembly: pixel for pixel what libjpeg-turbo (Pillow, OpenCV) makes of a file. */

const complaints: string[] = [];
let prepared = false;

/**
 * Hands the decoder its WebAssembly module. A browser page need not call this, since the decoder fetches the module itself;
 * Node cannot fetch files, so there it must be called once before the first JPEG.
 */
export async function prepareJpeg(module?: WebAssembly.Module): Promise<void> {
  prepared = true;
  const options = { printErr: (text: string) => complaints.push(text) };
  const start = init as (...args: unknown[]) => Promise<void>;
  await (module ? start(module, options) : start(options));
}

/**
 * Decodes a JPEG: grey, or colour as RGB. The orientation that cameras note is ignored.
 * @throws UserError naming the file when it is damaged, cut short, too large, or of a kind that is not read (12 bits, CMYK)
 */
export async function decodeJpeg(bytes: Uint8Array, name: string, meta: PageMeta = {}): Promise<Page> {
  try {
    const { w, h, precision, components } = frameOf(bytes);
    checkPixels(name, w, h);
    if (precision !== 8 || components === 4) {
      const kind = precision !== 8 ? `${precision} bits per sample` : "CMYK colours";
      throw new UserError(`${name}: the JPEG has ${kind}; save it as PNG or TIFF, grey or RGB`);
    }
    if (!prepared) await prepareJpeg();
    complaints.length = 0;
    const { data, width, height } = await decode(new Uint8Array(bytes).buffer);
    const complaint = complaints.find((text) => /premature|corrupt/i.test(text));
    if (complaint) throw new Error(complaint.trim());
    if (width !== w || height !== h) throw new Error(`${width} x ${height} px instead of ${w} x ${h}`);
    return { w, h, bits: 8, channels: components === 1 ? 1 : 3, data: withoutAlpha(data, components), meta };
  } catch (error) {
    throw damaged(name, "JPEG", error);
  }
}

interface Frame {
  readonly w: number;
  readonly h: number;
  readonly precision: number;
  readonly components: number;
}

/** Size and kind from the frame header (SOF marker). */
function frameOf(bytes: Uint8Array): Frame {
  const word = (at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) throw new Error(`no marker at byte ${at}`);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { precision: bytes[at + 4]!, h: word(at + 5), w: word(at + 7), components: bytes[at + 9]! };
    if (marker === 0xd9 || marker === 0xda) break;
    at += 2 + Math.max(2, word(at + 2));
  }
  throw new Error("no frame header");
}

/** Grey files come back with three equal colours. */
function withoutAlpha(rgba: ArrayLike<number>, components: number): Uint8Array {
  const kept = components === 1 ? 1 : 3;
  const count = rgba.length / 4;
  const y = new Uint8Array(count * kept);
  for (let i = 0; i < count; i++) for (let c = 0; c < kept; c++) y[i * kept + c] = rgba[i * 4 + c]!;
  return y;
}
