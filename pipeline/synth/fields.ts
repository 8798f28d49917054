/**
 * Float images and the few operations the synthesis needs: Gaussian blur, smooth noise, normal deviates. Plain arrays and loops
 * over rows, because a set of Table 1's size is about a thousand million pixels.
 */
import type { Rng } from "../../engine/rng.js";

/** A row-major float image. */
export interface Field {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export function createField(width: number, height: number): Field {
  return { width, height, data: new Float32Array(width * height) };
}

/** Odd box widths whose three-fold convolution has the variance of a Gaussian of `sigma` pixels (Kovesi 2010). */
function boxWidths(sigma: number): [number, number, number] {
  const ideal = Math.sqrt(4 * sigma * sigma + 1);
  const lower = 2 * Math.floor((ideal - 1) / 2) + 1;
  const lowerCount = Math.round((12 * sigma * sigma - 3 * lower * lower - 12 * lower - 9) / (-4 * lower - 4));
  return [0, 1, 2].map((i) => (i < lowerCount ? lower : lower + 2)) as [number, number, number];
}

/** Running mean of `box` samples along rows, border values repeated. */
function boxRows(source: Float32Array, target: Float32Array, width: number, height: number, box: number): void {
  const half = (box - 1) >> 1;
  const scale = 1 / box;
  for (let row = 0; row < height; row++) {
    const start = row * width;
    const end = start + width - 1;
    const first = source[start]!;
    const last = source[end]!;
    let sum = first * (half + 1);
    for (let i = 1; i <= half; i++) sum += start + i - 1 <= end ? source[start + i - 1]! : last;
    for (let x = 0; x < width; x++) {
      const entering = start + x + half;
      const leaving = start + x - half - 1;
      sum += entering <= end ? source[entering]! : last;
      if (x > 0) sum -= leaving >= start ? source[leaving]! : first;
      else sum -= first;
      target[start + x] = sum * scale;
    }
  }
}

/** Running mean of `box` samples along columns, a whole row at a time. */
function boxColumns(source: Float32Array, target: Float32Array, width: number, height: number, box: number): void {
  const half = (box - 1) >> 1;
  const scale = 1 / box;
  const sums = new Float64Array(width);
  for (let i = -half - 1; i < half; i++) {
    const row = Math.min(Math.max(i, 0), height - 1) * width;
    for (let x = 0; x < width; x++) sums[x] = sums[x]! + source[row + x]!;
  }
  for (let y = 0; y < height; y++) {
    const entering = Math.min(y + half, height - 1) * width;
    const leaving = Math.max(y - half - 1, 0) * width;
    for (let x = 0; x < width; x++) {
      const sum = sums[x]! + source[entering + x]! - source[leaving + x]!;
      sums[x] = sum;
      target[y * width + x] = sum * scale;
    }
  }
}

/** Separable convolution with a sampled Gaussian, border values repeated; for small sigmas. */
function blurDirect(field: Field, sigma: number): Field {
  const { width, height, data } = field;
  const radius = Math.max(1, Math.ceil(2.5 * sigma));
  const weights = Array.from({ length: radius + 1 }, (_, i) => Math.exp((-i * i) / (2 * sigma * sigma)));
  const total = weights.reduce((sum, weight, i) => sum + (i === 0 ? weight : 2 * weight), 0);
  const rows = new Float32Array(width * height);
  const result = createField(width, height);
  weights.forEach((weight, i) => {
    const scaled = weight / total;
    for (let y = 0; y < height; y++) {
      const start = y * width;
      for (let x = 0; x < width; x++) {
        const left = data[start + Math.max(x - i, 0)]!;
        const sum = i === 0 ? left : left + data[start + Math.min(x + i, width - 1)]!;
        rows[start + x] = rows[start + x]! + scaled * sum;
      }
    }
  });
  weights.forEach((weight, i) => {
    const scaled = weight / total;
    for (let y = 0; y < height; y++) {
      const upper = Math.max(y - i, 0) * width;
      const lower = Math.min(y + i, height - 1) * width;
      const start = y * width;
      for (let x = 0; x < width; x++) {
        const sum = i === 0 ? rows[upper + x]! : rows[upper + x]! + rows[lower + x]!;
        result.data[start + x] = result.data[start + x]! + scaled * sum;
      }
    }
  });
  return result;
}

/**
 * Gaussian blur, `sigma` in pixels, border values repeated. From sigma 2 on by three box filters, each of which repeats the border
 * values of its own input: within 3 sigma of the border that is not the same thing, and as good.
 */
export function gaussianBlur(field: Field, sigma: number): Field {
  const { width, height } = field;
  if (sigma < 0.2) return { width, height, data: field.data.slice() };
  if (sigma < 2) return blurDirect(field, sigma);
  const result = createField(width, height);
  const scratch = new Float32Array(width * height);
  let source = field.data;
  for (const box of boxWidths(sigma)) {
    boxRows(source, scratch, width, height, box);
    boxColumns(scratch, result.data, width, height, box);
    source = result.data;
  }
  return result;
}

/**
 * Smooth noise of about zero mean and unit variance whose features are `size` pixels wide: normal deviates on a grid, read off by
 * `sampleNoise` with smooth-step interpolation. Drawing costs one deviate per `size` x `size` pixels.
 */
export interface Noise {
  readonly size: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** Interpolating normal deviates with smooth-step weights leaves this standard deviation, averaged over a grid cell. */
const INTERPOLATED_DEVIATION = 0.74;

export function createNoise(width: number, height: number, size: number, rng: Rng): Noise {
  const columns = Math.ceil(width / size) + 3;
  const rows = Math.ceil(height / size) + 3;
  const values = new Float32Array(columns * rows);
  for (let i = 0; i < values.length; i++) values[i] = rng.normal() / INTERPOLATED_DEVIATION;
  return { size, columns, values };
}

/** Value of the noise at pixel (x, y), clamped to the area it was made for. */
export function sampleNoise(noise: Noise, x: number, y: number): number {
  const { size, columns, values } = noise;
  const rows = values.length / columns;
  const gx = Math.min(Math.max(x / size + 0.5, 0), columns - 1.001);
  const gy = Math.min(Math.max(y / size + 0.5, 0), rows - 1.001);
  const column = gx | 0;
  const row = gy | 0;
  const tx = gx - column;
  const ty = gy - row;
  const sx = tx * tx * (3 - 2 * tx);
  const sy = ty * ty * (3 - 2 * ty);
  const at = row * columns + column;
  const upper = values[at]! + sx * (values[at + 1]! - values[at]!);
  const lower = values[at + columns]! + sx * (values[at + columns + 1]! - values[at + columns]!);
  return upper + sy * (lower - upper);
}

const NORMAL_TABLE = buildNormalTable(4096);

/** `count` quantiles of the normal distribution, at the middles of equal shares of probability. */
function buildNormalTable(count: number): Float32Array {
  const table = new Float32Array(count);
  for (let i = 0; i < count / 2; i++) {
    const value = normalQuantile((i + 0.5) / count);
    table[i] = value;
    table[count - 1 - i] = -value;
  }
  return table;
}

/** Inverse of the normal distribution function for p < 1/2, by bisection. */
function normalQuantile(p: number): number {
  let low = -8;
  let high = 0;
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (normalTail(-middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Upper tail of the standard normal distribution at x >= 0 (Abramowitz & Stegun 26.2.17, error below 7.5e-8). */
function normalTail(x: number): number {
  const t = 1 / (1 + 0.2316419 * x);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
}

/** Fills `target` with standard normal deviates, two per random word (4096 quantiles each): sensor noise, not statistics. */
export function fillNormal(target: Float32Array, rng: Rng): void {
  for (let i = 0; i < target.length; i += 2) {
    const word = rng.nextU32();
    target[i] = NORMAL_TABLE[word & 4095]!;
    if (i + 1 < target.length) target[i + 1] = NORMAL_TABLE[(word >>> 16) & 4095]!;
  }
}

/** Smooth-step from 0 at `low` to 1 at `high`. */
export function ramp(low: number, high: number, x: number): number {
  const t = Math.min(Math.max((x - low) / (high - low), 0), 1);
  return t * t * (3 - 2 * t);
}

export function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}
