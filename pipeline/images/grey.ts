import { UserError } from "../../engine/errors.js";
import type { Page } from "./types.js";

/**
 * How 16 bits become 8.
 * - `full`: value >> 8, the full range of 16 bits, as OpenCV does; the same for every image
 * - `minmax`: least to greatest value of the page onto 0..255
 * - `percentiles`: a low to a high percentile of the page onto 0..255, values beyond them clamped
 */
export interface Bits16Rule {
  readonly kind: "full" | "minmax" | "percentiles";
  /** Per cent of the pixels; of `percentiles` only. */
  readonly low: number;
  readonly high: number;
}

export const bits16Default: Bits16Rule = { kind: "full", low: 0, high: 100 };

/** What was done to the samples of a page. */
export interface GreyScale {
  readonly bits: 8 | 16;
  /** Text that `parseBits16` reads; null: the page has 8 bits. */
  readonly rule: string | null;
  /** The value that became 0, and the one that became 255. */
  readonly low: number;
  readonly high: number;
}

export interface Grey8 {
  readonly w: number;
  readonly h: number;
  /** w * h values, row-major. */
  readonly pixels: Uint8Array;
  readonly scale: GreyScale;
  /** What the user should know: too few grey levels are left. */
  readonly warnings: string[];
}

/** @param text `full`, `minmax`, `percentiles` (0.1 and 99.9) or `percentiles:LOW,HIGH` @throws UserError for any other */
export function parseBits16(text: string): Bits16Rule {
  if (text === "full" || text === "minmax") return { kind: text, low: 0, high: 100 };
  const match = /^percentiles(?::(\d+(?:\.\d+)?),(\d+(?:\.\d+)?))?$/.exec(text);
  const [low, high] = [Number(match?.[1] ?? 0.1), Number(match?.[2] ?? 99.9)];
  if (match && low < high && high <= 100) return { kind: "percentiles", low, high };
  throw new UserError(
    `16-bit rule "${text}": give full, minmax, percentiles, or percentiles:LOW,HIGH (per cent, such as percentiles:0.5,99.5)`,
  );
}

export function bits16Text({ kind, low, high }: Bits16Rule): string {
  return kind === "percentiles" ? `percentiles:${low},${high}` : kind;
}

/**
 * One 8-bit grey value per pixel. Colour becomes (19595 R + 38470 G + 7471 B + 32768) >> 16, as Pillow's mode L.
 * `minmax` and `percentiles` map low..high linearly and round halves up; percentiles are values of the page (nearest rank).
 */
export function toGrey8(page: Page, rule: Bits16Rule = bits16Default): Grey8 {
  const { w, h, bits } = page;
  const whole = (values: Uint8Array) => ({ w, h, pixels: values, warnings: [] as string[] });
  if (bits === 8) {
    const pixels = luma(page, new Uint8Array(w * h), 0);
    return { ...whole(pixels), scale: { bits, rule: null, low: 0, high: 255 } };
  }
  const text = bits16Text(rule);
  if (rule.kind === "full") {
    const made = whole(luma(page, new Uint8Array(w * h), 8));
    return { ...made, scale: { bits, rule: text, low: 0, high: 65535 }, warnings: fewLevels(made.pixels) };
  }
  const values = luma(page, new Uint16Array(w * h), 0);
  const [low, high] = limits(values, rule);
  const table = Uint8Array.from({ length: 65536 }, (_, v) => scaled(v, low, high));
  const pixels = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) pixels[i] = table[values[i]!]!;
  return { ...whole(pixels), scale: { bits, rule: text, low, high } };
}

/** Writes grey values, each sample shifted right by `shift` first. */
function luma<T extends Uint8Array | Uint16Array>({ data, channels }: Page, y: T, shift: number): T {
  if (channels === 1) {
    for (let i = 0; i < y.length; i++) y[i] = data[i]! >> shift;
    return y;
  }
  for (let i = 0, s = 0; i < y.length; i++, s += 3) {
    const [r, g, b] = [data[s]! >> shift, data[s + 1]! >> shift, data[s + 2]! >> shift];
    y[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >>> 16;
  }
  return y;
}

function limits(values: Uint16Array, { kind, low, high }: Bits16Rule): [number, number] {
  const counts = new Uint32Array(65536);
  for (const value of values) counts[value]!++;
  const [from, to] = kind === "minmax" ? [0, 100] : [low, high];
  const rank = (percent: number) => Math.min(values.length, Math.max(1, Math.ceil((percent / 100) * values.length)));
  const valueAt = (wanted: number) => {
    let seen = 0;
    return counts.findIndex((count) => {
      seen += count;
      return seen >= wanted;
    });
  };
  return [valueAt(rank(from)), valueAt(rank(to))];
}

function scaled(value: number, low: number, high: number): number {
  if (high <= low) return 0;
  const above = Math.min(high, Math.max(low, value)) - low;
  return Math.floor((510 * above + high - low) / (2 * (high - low)));
}

/** Cameras of 12 bits fill a sixteenth of the range: what is left of it is too coarse for the entropy. */
function fewLevels(pixels: Uint8Array): string[] {
  const levels = new Set(pixels).size;
  if (levels < 2 || levels >= 32) return [];
  return [
    `of its 16 bits, the rule "full" leaves ${levels} grey values; if the camera has fewer bits, use --bits16 percentiles`,
  ];
}
