import type { GreyImage } from "./types.js";

/** Per output coordinate: the two source coordinates and the weight of the second one. */
interface Taps {
  low: Int32Array;
  high: Int32Array;
  weight: Float64Array;
}

/** Half-pixel centres, clamped at the edges. */
function taps(from: number, to: number): Taps {
  const low = new Int32Array(to);
  const high = new Int32Array(to);
  const weight = new Float64Array(to);
  for (let i = 0; i < to; i++) {
    const source = Math.max(0, ((i + 0.5) * from) / to - 0.5);
    low[i] = Math.min(from - 1, Math.floor(source));
    high[i] = Math.min(from - 1, low[i]! + 1);
    weight[i] = source - low[i]!;
  }
  return { low, high, weight };
}

function checkSize(height: number, width: number): void {
  if (!Number.isInteger(height) || !Number.isInteger(width) || height < 1 || width < 1) {
    throw new RangeError(`resize: the size ${width} x ${height} is not made of positive integers`);
  }
}

/**
 * Bilinear resize with half-pixel centres and clamped edges, no low-pass filter when shrinking, rounded to the nearest
 * (torch `interpolate(mode="bilinear", align_corners=False)`, OpenCV `INTER_LINEAR` within one grey level).
 */
export function resizeBilinear(image: GreyImage, height: number, width: number): GreyImage {
  checkSize(height, width);
  const rows = taps(image.height, height);
  const columns = taps(image.width, width);
  const pixels = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    const top = rows.low[y]! * image.width;
    const bottom = rows.high[y]! * image.width;
    const v = rows.weight[y]!;
    for (let x = 0; x < width; x++) {
      const left = columns.low[x]!;
      const right = columns.high[x]!;
      const u = columns.weight[x]!;
      const above = image.pixels[top + left]! * (1 - u) + image.pixels[top + right]! * u;
      const below = image.pixels[bottom + left]! * (1 - u) + image.pixels[bottom + right]! * u;
      pixels[y * width + x] = Math.floor(above * (1 - v) + below * v + 0.5);
    }
  }
  return { height, width, pixels };
}

/** Nearest-neighbour resize with half-pixel centres, for masks (torch `mode="nearest-exact"`). */
export function resizeNearest(image: GreyImage, height: number, width: number): GreyImage {
  checkSize(height, width);
  const pixels = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * image.height) / height) * image.width;
    for (let x = 0; x < width; x++) {
      pixels[y * width + x] = image.pixels[row + Math.floor(((x + 0.5) * image.width) / width)]!;
    }
  }
  return { height, width, pixels };
}
