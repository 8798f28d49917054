/**
 * Random numbers that are a pure function of (seed, stream, position): Philox-4x32-10 (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", SC11). A generator's whole state is its position, so a run resumes from one number,
 * and a kernel that knows key and counter draws the same numbers on the GPU. Runs in Node and in browsers.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_32 = 4294967296;

export type PhiloxKey = readonly [number, number];
export type PhiloxCounter = readonly [number, number, number, number];

/** High 32 bits of the 64-bit product of two u32, by 16-bit halves (every partial sum is below 2^53, hence exact). */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (cross >>> 16)) >>> 0;
}

/** Philox-4x32-10 into `out` (4 words) without allocating. Arguments are u32. */
function philoxInto(
  out: Uint32Array,
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
): void {
  let [k0, k1, c0, c1, c2, c3] = [key0, key1, counter0, counter1, counter2, counter3];
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(MULTIPLIER_0, c0);
    const high1 = mulHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Four u32 from a key and a counter (Random123's `philox4x32_R(10, ...)`). All words are taken modulo 2^32. */
export function philox(key: PhiloxKey, counter: PhiloxCounter): [number, number, number, number] {
  const out = new Uint32Array(4);
  const [c0, c1, c2, c3] = counter;
  philoxInto(out, key[0] >>> 0, key[1] >>> 0, c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0);
  return [out[0]!, out[1]!, out[2]!, out[3]!];
}

/** 32-bit FNV-1a hash of a text's UTF-8 bytes. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Philox key of (seed, stream): `[seed mod 2^32, stream ^ mix(seed div 2^32)]`; a stream given as a string is its
 * `fnv1a`. For seeds below 2^32 this is simply (seed, stream), which is what the kernels are given.
 *
 * @throws RangeError when the seed is not a non-negative safe integer.
 */
export function rngKey(seed: number, stream: number | string): [number, number] {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`Rng: seed is ${seed}; give an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  const streamWord = typeof stream === "string" ? fnv1a(stream) : stream;
  return [seed >>> 0, (streamWord ^ Math.imul(Math.floor(seed / TWO_32), WEYL_0)) >>> 0];
}

/** Position of an `Rng`: how many u32 were drawn. With seed and stream it is the whole state. */
export interface RngState {
  offset: number;
}

/** Sequential view of one Philox stream. Word i is word `i mod 4` of `philox(rngKey, [i div 4 low, high, 0, 0])`. */
export class Rng {
  readonly key: PhiloxKey;
  private readonly block = new Uint32Array(4);
  private blockIndex = -1;
  private offset: number;

  /** @param offset words to skip, as `state()` returned it (integer, 0 by default) */
  constructor(seed: number, stream: number | string, offset = 0) {
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw new RangeError(`Rng: offset is ${offset}; give the non-negative integer that state() returned`);
    }
    this.key = rngKey(seed, stream);
    this.offset = offset;
  }

  /** Next u32. */
  nextU32(): number {
    const index = Math.floor(this.offset / 4);
    if (index !== this.blockIndex) {
      philoxInto(this.block, this.key[0], this.key[1], index >>> 0, Math.floor(index / TWO_32), 0, 0);
      this.blockIndex = index;
    }
    return this.block[this.offset++ % 4]!;
  }

  /** Uniform in [0, 1), 24 bits, exact in f32: a kernel computes `f32(u >> 8u) * 0x1p-24f` and gets the same number. */
  uniform(): number {
    return (this.nextU32() >>> 8) * 2 ** -24;
  }

  /** Standard normal by Box-Muller. Takes two words and keeps no spare value, so that `offset` stays the whole state. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Integer in [0, n) from one word; no value's probability is off by more than 2^-32. */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > TWO_32) {
      throw new RangeError(`Rng.int: n is ${n}; give an integer from 1 to 2^32`);
    }
    return Math.floor((this.nextU32() / TWO_32) * n);
  }

  /** Fisher-Yates shuffle in place; returns the array. */
  shuffle<T extends unknown[] | Uint32Array | Int32Array | Float32Array>(array: T): T {
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.int(last + 1);
      const kept = array[last];
      array[last] = array[other]!;
      array[other] = kept!;
    }
    return array;
  }

  /** The state to store; `new Rng(seed, stream, offset)` continues from it. */
  state(): RngState {
    return { offset: this.offset };
  }
}

/**
 * Tommy Ettinger's mulberry32: a function that returns uniforms in [0, 1) with 32 bits. Reference weights and inputs of the
 * fixtures are defined by it; everything else uses `Rng`.
 */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / TWO_32;
  };
}
