import type { Dispatch } from "../device.js";
import type { Kernel } from "../kernel.js";
import { pitch, type Tensor } from "../tensor.js";

/** What a dispatch has to compute and to move, from its sizes alone. */
export interface Cost {
  /** Floating-point operations with logical channels, two per multiply-add; null: not counted for this kernel. */
  readonly flops: number | null;
  /** The same with the channels as they lie in memory, padded to fours: what the kernel computes. */
  readonly paddedFlops: number | null;
  /** "matrix": convolutions and products, exact; "element": operations per element as in `elementFlops`. */
  readonly kind: "matrix" | "element" | null;
  /** Bytes if every tensor that it reads is read once and every one that it writes is written once, padding included. */
  readonly bytes: number;
}

/**
 * Operations per element of the largest tensor that the kernel touches, by the beginning of its name; the longest wins. They are
 * few beside the bytes: such kernels are bound by memory. Divisions and exponentials count one.
 */
const elementFlops: Readonly<Record<string, number>> = {
  adam: 12,
  add: 1,
  add_in_place: 1,
  batch_norm_apply: 4,
  batch_norm_backward_input: 5,
  batch_norm_backward_sums: 4,
  batch_norm_stats: 4,
  channel_sums: 1,
  ema_update: 3,
  global_average_pool_forward: 1,
  max_pool_forward: 1,
  reduce_partials: 1,
  relu: 1,
  sgd: 6,
};

/** @param dispatch as an op asked for it */
export function costOf(dispatch: Dispatch): Cost {
  const bytes = bytesOf(dispatch);
  const matrix = matrixFlops(dispatch);
  if (matrix) return { ...matrix, kind: "matrix", bytes };
  const perElement = flopsPerElement(dispatch.kernel.name);
  if (perElement === null) return { flops: null, paddedFlops: null, kind: null, bytes };
  const tensors = Object.values(dispatch.bindings);
  const largest = tensors.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  return {
    flops: perElement * largest.size,
    paddedFlops: perElement * largest.paddedSize,
    kind: "element",
    bytes,
  };
}

function matrixFlops({ kernel, params, bindings }: Dispatch): { flops: number; paddedFlops: number } | null {
  const fields = new Set(kernel.params?.fields.map(({ name }) => name));
  if (!params) return null;
  // A kernel of an operation that only prepares or adds up has fewer sizes.
  if (kernel.name.startsWith("conv2d_") && ["n", "oh", "ow", "kh", "kw", "co4"].every((name) => fields.has(name)))
    return convFlops(params, bindings);
  if (!kernel.name.startsWith("gemm")) return null;
  const [m, n, k] = [size(params, "m"), size(params, "n"), size(params, "k")];
  if (m === null || n === null || k === null) return null;
  return { flops: 2 * m.logical * n.logical * k.logical, paddedFlops: 2 * m.padded * n.padded * k.padded };
}

/** Forward, input gradient and weight gradient take the same multiply-adds; taps outside the image count too. */
function convFlops(
  params: Readonly<Record<string, number>>,
  bindings: Readonly<Record<string, Tensor>>,
): { flops: number; paddedFlops: number } {
  const { n = 0, oh = 0, ow = 0, kh = 0, kw = 0, co4 = 0, ci = 1 } = params;
  const channels = Object.values(bindings)
    .map(({ shape }) => shape.at(-1) ?? 0)
    .filter((c) => pitch(c) === 4 * co4);
  const co = Math.min(4 * co4, ...channels.filter((c) => c > 4 * (co4 - 1)));
  const taps = 2 * n * oh * ow * kh * kw;
  return { flops: taps * ci * co, paddedFlops: taps * pitch(ci) * 4 * co4 };
}

/** A size given as itself, or as the number of its vec4 (`n4`). */
function size(params: Readonly<Record<string, number>>, name: string): { logical: number; padded: number } | null {
  const [exact, fours] = [params[name], params[`${name}4`]];
  if (exact === undefined && fours === undefined) return null;
  return { logical: exact ?? 4 * (fours ?? 0), padded: fours === undefined ? (exact ?? 0) : 4 * fours };
}

function flopsPerElement(name: string): number | null {
  const found = Object.keys(elementFlops)
    .filter((prefix) => name === prefix || name.startsWith(`${prefix}_`))
    .sort((a, b) => b.length - a.length)[0];
  return found === undefined ? null : (elementFlops[found] ?? null);
}

function bytesOf({ kernel, params, bindings }: Dispatch): number {
  if (kernel.name === "copy_channels" && params) {
    const { rows = 0, channels = 0, to = 0, zero_to = 0 } = params;
    return 4 * rows * (channels + zero_to - to);
  }
  // A tensor that stands in for an absent one (no bias, say) is bound twice, but read once.
  const windows = new Map<string, { bytes: number; read: boolean; write: boolean }>();
  for (const { name } of kernel.bindings) {
    const tensor = bindings[name];
    if (!tensor) continue;
    const key = `${tensor.buffer.id}+${tensor.byteOffset}`;
    const { read, write } = accessOf(kernel, name);
    const known = windows.get(key);
    const bytes = Math.max(tensor.bytes, known?.bytes ?? 0);
    windows.set(key, { bytes, read: read || (known?.read ?? false), write: write || (known?.write ?? false) });
  }
  let total = 0;
  for (const { bytes, read, write } of windows.values()) total += bytes * (Number(read) + Number(write));
  return total;
}

const accesses = new WeakMap<Kernel, Map<string, { read: boolean; write: boolean }>>();

/** WGSL declares outputs read_write: whether they are read as well is seen from how the code uses them. */
function accessOf(kernel: Kernel, binding: string): { read: boolean; write: boolean } {
  let known = accesses.get(kernel);
  if (!known) {
    known = new Map(kernel.bindings.map(({ name, access }) => [name, usage(kernel.code, name, access)]));
    accesses.set(kernel, known);
  }
  return known.get(binding) ?? { read: false, write: false };
}

function usage(code: string, name: string, access: string): { read: boolean; write: boolean } {
  if (access !== "read_write") return { read: true, write: false };
  let [read, write] = [false, false];
  for (const { index } of code.matchAll(new RegExp(`\\b${name}\\s*\\[`, "g"))) {
    const after = code.slice(closing(code, code.indexOf("[", index)) + 1);
    const assigned = /^(?:\.\w+)*\s*([-+*/%&|^]?)=(?!=)/.exec(after);
    if (assigned) write = true;
    if (!assigned || assigned[1]) read = true;
  }
  return read || write ? { read, write } : { read: true, write: true };
}

/** The place of the bracket that closes the one at `open`. */
function closing(code: string, open: number): number {
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if (code[i] === "[") depth++;
    if (code[i] === "]" && --depth === 0) return i;
  }
  return code.length;
}
