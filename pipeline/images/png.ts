import { type DecodedPng, decode } from "fast-png";
import { checkPixels, damaged } from "./check.js";
import type { Page, PageMeta } from "./types.js";

/**
 * Decodes a PNG of any kind: 1, 2 and 4 bits are scaled to 0..255, palettes become their colours, alpha is ignored.
 * @throws UserError naming the file when it is damaged, cut short or too large
 */
export function decodePng(bytes: Uint8Array, name: string, meta: PageMeta = {}): Page {
  try {
    if (bytes.length < 33) throw new Error("no header");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    checkPixels(name, view.getUint32(16), view.getUint32(20));
    const png = decode(bytes, { checkCrc: true });
    return { ...samplesOf(png), w: png.width, h: png.height, meta };
  } catch (error) {
    throw damaged(name, "PNG", error);
  }
}

function samplesOf(png: DecodedPng): Pick<Page, "bits" | "channels" | "data"> {
  const { width, height, channels, depth, data, palette } = png;
  if (palette) return { bits: 8, channels: 3, data: coloured(unpacked(png, 1), palette) };
  if (depth < 8) return { bits: 8, channels: 1, data: unpacked(png, 255 / (2 ** depth - 1)) };
  const count = width * height;
  if (data.length !== count * channels) throw new Error(`${data.length} samples instead of ${count * channels}`);
  const bits = depth === 16 ? 16 : 8;
  const kept = channels < 3 ? 1 : 3;
  if (kept === channels) return { bits, channels: kept, data: data instanceof Uint16Array ? data : bytesOf(data) };
  const y = depth === 16 ? new Uint16Array(count * kept) : new Uint8Array(count * kept);
  for (let i = 0; i < count; i++) for (let c = 0; c < kept; c++) y[i * kept + c] = data[i * channels + c]!;
  return { bits, channels: kept, data: y };
}

const bytesOf = (data: ArrayLike<number>) => (data instanceof Uint8Array ? data : Uint8Array.from(data));

/** Samples of up to 8 bits, one per pixel, times `scale`. */
function unpacked({ width, height, depth, data }: DecodedPng, scale: number): Uint8Array {
  const y = new Uint8Array(width * height);
  const row = Math.ceil((width * depth) / 8);
  if (data.length !== row * height) throw new Error(`${data.length} bytes of pixels instead of ${row * height}`);
  for (let i = 0; i < y.length; i++) {
    const bit = (i % width) * depth;
    const byte = data[Math.floor(i / width) * row + (bit >> 3)]!;
    y[i] = ((byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1)) * scale;
  }
  return y;
}

function coloured(indices: Uint8Array, palette: readonly (readonly number[])[]): Uint8Array {
  const y = new Uint8Array(indices.length * 3);
  indices.forEach((index, i) => {
    const colour = palette[index];
    if (!colour) throw new Error(`a pixel has colour ${index} of ${palette.length}`);
    y.set(colour.slice(0, 3), i * 3);
  });
  return y;
}
