import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { PNG } from "pngjs";
import { UserError } from "../../engine/errors.js";
import type { GreyImage } from "./types.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const PALETTE = 3;
/** A well of 2908 x 2908 px has 8.5 million pixels; 2^28 is far above any microscope and far below memory. */
const MAX_PIXELS = 2 ** 28;

export interface PngHeader {
  height: number;
  width: number;
  /** Bits per sample: 1, 2, 4, 8 or 16. */
  depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA. */
  colorType: number;
  interlaced: boolean;
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(
      `${file}: cannot be read (${(error as NodeJS.ErrnoException).code}); restore the file or its permissions`,
    );
  }
}

/** Size and sample format from a PNG's first 33 bytes. @throws UserError naming the file when they are not a PNG header */
export function parsePngHeader(bytes: Uint8Array, file: string): PngHeader {
  if (bytes.length === 0) throw new UserError(`${file}: the file is empty; copy it again or remove it`);
  if (bytes.length < 33 || SIGNATURE.some((value, i) => bytes[i] !== value)) {
    const start = [...bytes.subarray(0, 4)].map((value) => value.toString(16).padStart(2, "0")).join(" ");
    throw new UserError(`${file}: is not a PNG file (first bytes ${start}); save it as PNG or remove it`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (view.getUint32(12) !== 0x49484452 || width === 0 || height === 0) {
    throw new UserError(`${file}: the PNG header is damaged; copy the file again or remove it`);
  }
  if (width * height > MAX_PIXELS) {
    throw new UserError(
      `${file}: ${width} x ${height} px is more than 2^28 pixels; crop the image, or the header is damaged`,
    );
  }
  return { height, width, depth: bytes[24]!, colorType: bytes[25]!, interlaced: bytes[28] === 1 };
}

interface Chunks {
  /** The compressed pixel data. */
  pixelData: Buffer;
  /** The file without its tRNS chunk, which would turn one grey value or colour black in pngjs. */
  opaque: Buffer;
}

function readChunks(bytes: Buffer): Chunks {
  const parts: Buffer[] = [];
  let opaque = bytes;
  for (let start = 8; start + 12 <= bytes.length; ) {
    const end = start + 12 + bytes.readUInt32BE(start);
    const type = bytes.toString("latin1", start + 4, start + 8);
    if (type === "IDAT") parts.push(bytes.subarray(start + 8, end - 4));
    if (type === "tRNS") opaque = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
    start = end;
  }
  return { pixelData: Buffer.concat(parts), opaque };
}

const SAMPLES = [1, 0, 3, 1, 2, 0, 4];

/**
 * Pixel data of another length than the header says: pngjs 7 does not notice them when a file is not interlaced (it returns
 * whatever its buffer held), so they are counted here.
 */
function checkLength({ height, width, depth, colorType, interlaced }: PngHeader, pixelData: Buffer): void {
  const expected = height * (1 + Math.ceil((width * depth * SAMPLES[colorType]!) / 8));
  const actual = inflateSync(pixelData, { maxOutputLength: 2 * expected + 1024 }).length;
  if (!interlaced && actual !== expected) throw new Error(`${actual} bytes of pixels instead of ${expected}`);
}

/** Samples as stored (RGBA order, 16-bit samples unscaled). */
function decodeSamples(bytes: Buffer, file: string): { header: PngHeader; samples: ArrayLike<number> } {
  const header = parsePngHeader(bytes, file);
  try {
    const { pixelData, opaque } = readChunks(bytes);
    checkLength(header, pixelData);
    const { data } = PNG.sync.read(opaque, { skipRescale: true });
    const samples: ArrayLike<number> = data;
    if (samples.length !== header.width * header.height * 4) throw new Error("missing rows");
    return { header, samples };
  } catch (error) {
    throw new UserError(
      `${file}: the PNG is damaged or cut short (${(error as Error).message}); copy it again or remove it`,
    );
  }
}

/**
 * Decodes a PNG of any kind to 8-bit grey.
 *
 * 16-bit samples map by their full range: `value >> 8` (OpenCV's rule; no stretching to the brightest pixel). 1, 2 and 4 bits
 * are scaled to 0..255. Colour becomes `(19595 R + 38470 G + 7471 B + 32768) >> 16`, as Pillow's mode L. Alpha is ignored.
 *
 * @param file name used in errors
 * @throws UserError naming the file when it is damaged, cut short or no PNG
 */
export function decodeGrey(bytes: Buffer, file: string): GreyImage {
  const { header, samples } = decodeSamples(bytes, file);
  const { height, width, colorType } = header;
  const depth = colorType === PALETTE ? 8 : header.depth;
  const shift = depth === 16 ? 8 : 0;
  const scale = depth < 8 ? 255 / (2 ** depth - 1) : 1;
  const pixels = new Uint8Array(height * width);
  const isGrey = (colorType & 2) === 0;
  for (let i = 0, s = 0; i < pixels.length; i++, s += 4) {
    const r = samples[s]! >> shift;
    if (isGrey) {
      pixels[i] = r * scale;
      continue;
    }
    const [g, b] = [samples[s + 1]! >> shift, samples[s + 2]! >> shift];
    pixels[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
  }
  return { height, width, pixels };
}

/** Decodes a mask to 0 and 1: foreground is every pixel whose stored value is above 0 in any colour (0/1, 0/255, 0/65535). */
export function decodeMask(bytes: Buffer, file: string): GreyImage {
  const { header, samples } = decodeSamples(bytes, file);
  const pixels = new Uint8Array(header.height * header.width);
  for (let i = 0, s = 0; i < pixels.length; i++, s += 4) {
    pixels[i] = samples[s]! > 0 || samples[s + 1]! > 0 || samples[s + 2]! > 0 ? 1 : 0;
  }
  return { height: header.height, width: header.width, pixels };
}

/** Reads an image file as 8-bit grey; see `decodeGrey`. */
export function readGrey(file: string): GreyImage {
  return decodeGrey(readBytes(file), file);
}

/** Encodes an 8-bit grey PNG (the bytes depend on nothing but the image). */
export function encodeGrey({ height, width, pixels }: GreyImage): Buffer {
  const png = new PNG({ width, height, colorType: 0, inputColorType: 0, inputHasAlpha: false, bitDepth: 8 });
  png.data = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  return PNG.sync.write(png, { colorType: 0, inputColorType: 0, inputHasAlpha: false, bitDepth: 8, deflateLevel: 6 });
}
