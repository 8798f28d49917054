import type { Device, Dispatch, Grid } from "../device.js";
import type { ConstantValues } from "../kernel.js";
import { pitch } from "../tensor.js";
import type { Operation } from "../tuning/operation.js";
import { type Cost, costOf } from "./cost.js";
import { type Hints, sourceHints, tileWaste, workgroupSize } from "./hints.js";
import type { DispatchRecord, ProfiledStep } from "./profiler.js";
import type { Roofline } from "./roofline.js";

/** All calls of one kernel at one shape, over all profiled steps. */
export interface ProfileRow {
  readonly kernel: string;
  readonly file: string;
  readonly constants: ConstantValues<string>;
  /** The operation whose variant this kernel is part of, and the variant; null: the kernel is no choice. */
  readonly operation: string | null;
  readonly variant: string | null;
  /** Rows x columns of results that one invocation or workgroup computes, by the variant's name. */
  readonly tile: string | null;
  readonly shape: string;
  readonly params: Readonly<Record<string, number>>;
  readonly grid: Grid;
  readonly workgroup: readonly [number, number, number];
  /** Calls per step. */
  readonly calls: number;
  /** Time of a call, ms. */
  readonly medianMs: number;
  readonly p95Ms: number;
  /** Time of all calls of a step (mean over steps), ms, and its share of the step's kernels. */
  readonly totalMs: number;
  readonly share: number;
  /** Of one call: see `Cost`. */
  readonly flops: number | null;
  readonly paddedFlops: number | null;
  readonly flopsKind: Cost["kind"];
  readonly bytes: number;
  /** At the median: 1e9 operations and 1e9 bytes per second; operations per byte. */
  readonly gflops: number | null;
  readonly gbps: number;
  readonly intensity: number | null;
  /** Which roof is the lower one for this kernel, the share of it that is reached, and what a step would save at it. */
  readonly bound: "compute" | "memory";
  readonly roofShare: number;
  readonly recoverableMs: number;
  readonly hints: Hints;
}

/** Rows by time, the longest first. @param steps profiled runs of the same step */
export function summarise(device: Device, steps: readonly ProfiledStep[], roof: Roofline): ProfileRow[] {
  const groups = new Map<string, DispatchRecord[]>();
  for (const step of steps) {
    for (const record of step.records) {
      const key = keyOf(record.dispatch);
      const group = groups.get(key);
      if (group) group.push(record);
      else groups.set(key, [record]);
    }
  }
  const all = steps.reduce((sum, { sumNs }) => sum + sumNs, 0) || 1;
  return [...groups.values()]
    .map((records) => row(device, records, steps.length, all, roof))
    .sort((a, b) => b.totalMs - a.totalMs);
}

/** Kernel, constants and sizes: calls that are alike. */
function keyOf({ kernel, constants, params, bindings, grid }: Dispatch): string {
  const shapes = Object.values(bindings).map(({ shape }) => shape.join("x"));
  return JSON.stringify([kernel.file, constants, reflected(kernel, params), shapes, grid]);
}

function row(
  device: Device,
  records: readonly DispatchRecord[],
  steps: number,
  allNs: number,
  roof: Roofline,
): ProfileRow {
  const { dispatch } = records[0] as DispatchRecord;
  const { kernel, constants, params, grid } = dispatch;
  const times = records.map(({ ns }) => ns / 1e6).sort((a, b) => a - b);
  const sum = times.reduce((a, b) => a + b, 0);
  const cost = costOf(dispatch);
  const medianMs = quantile(times, 0.5);
  const calls = records.length / steps;
  const choice = variantOf(device, dispatch);
  const tile = choice ? (/\d+x\d+/.exec(choice.variant)?.[0] ?? null) : null;
  return {
    kernel: kernel.name,
    file: kernel.file,
    constants,
    operation: choice?.operation ?? null,
    variant: choice?.variant ?? null,
    tile,
    shape: shapeText(dispatch),
    params: reflected(kernel, params),
    grid,
    workgroup: workgroupSize(kernel, constants),
    calls,
    medianMs,
    p95Ms: quantile(times, 0.95),
    totalMs: sum / steps,
    share: (sum * 1e6) / allNs,
    flops: cost.flops,
    paddedFlops: cost.paddedFlops,
    flopsKind: cost.kind,
    bytes: cost.bytes,
    ...rates(cost, medianMs, sum / steps, calls, roof),
    hints: hints(dispatch, choice?.variant ?? null, tile),
  };
}

/** How a call of `ms` stands to the roofs. Also for a kernel on its own (`profile kernel`). */
export function rates(
  { flops, bytes }: Pick<Cost, "flops" | "bytes">,
  ms: number,
  totalMs: number,
  calls: number,
  roof: Roofline,
): Pick<ProfileRow, "gflops" | "gbps" | "intensity" | "bound" | "roofShare" | "recoverableMs"> {
  const computeMs = ((flops ?? 0) / roof.flops) * 1000;
  const memoryMs = (bytes / roof.bytes) * 1000;
  const atRoof = Math.max(computeMs, memoryMs);
  return {
    gflops: flops === null || ms === 0 ? null : flops / ms / 1e6,
    gbps: ms === 0 ? 0 : bytes / ms / 1e6,
    intensity: flops === null || bytes === 0 ? null : flops / bytes,
    bound: computeMs > memoryMs ? "compute" : "memory",
    roofShare: ms === 0 ? 0 : atRoof / ms,
    recoverableMs: Math.max(0, totalMs - calls * atRoof),
  };
}

/** The value below which the share `q` of sorted values lies. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? 0;
}

/** The params that the kernel has; ops may hand over more. */
function reflected(kernel: Dispatch["kernel"], params: Dispatch["params"]): Record<string, number> {
  const names = kernel.params?.fields.map(({ name }) => name) ?? [];
  return Object.fromEntries(names.map((name) => [name, params?.[name] ?? 0]));
}

/** A convolution or product by its sizes; anything else by its largest tensor. */
function shapeText({ kernel, params, bindings }: Dispatch): string {
  const p = params ?? {};
  if (kernel.name.startsWith("conv2d_") && p.kh !== undefined && p.n !== undefined) {
    const stride = p.stride === 1 ? "" : `/${p.stride}`;
    return `${p.n}x${p.h}x${p.w}x${p.ci ?? 1} -> ${4 * (p.co4 ?? 0)}, ${p.kh}x${p.kw}${stride}`;
  }
  if (kernel.name.startsWith("gemm") && p.m !== undefined) return `${p.m}x${p.n}x${p.k}`;
  const largest = Object.values(bindings).reduce((a, b) => (b.bytes > a.bytes ? b : a));
  return `[${largest.shape.join(",")}]`;
}

/** The choice that led to this dispatch: kernels of an operation begin with its name and keep its geometry in their params. */
function variantOf(device: Device, { kernel, params }: Dispatch): { operation: string; variant: string } | null {
  if (!params) return null;
  const record = device.choices.record();
  const operations = new Set<Operation<never, never>>();
  for (const { operation } of device.choices.requests.values()) operations.add(operation as Operation<never, never>);
  for (const operation of operations) {
    if (!kernel.name.startsWith(operation.name.replaceAll("-", "_"))) continue;
    const variant = record[`${operation.name} ${operation.shapeClass(params as never)}`];
    if (variant !== undefined) return { operation: operation.name, variant };
  }
  return null;
}

function hints(dispatch: Dispatch, variant: string | null, tile: string | null): Hints {
  const { kernel, constants } = dispatch;
  const source = sourceHints(kernel, constants);
  const [rows = 0, columns = 0] = tile?.split("x").map(Number) ?? [];
  const [x, y, z] = workgroupSize(kernel, constants);
  // A register tile is one invocation's; the others are a workgroup's.
  const sharers = variant?.startsWith("register") ? 1 : x * y * z;
  const registers = tile ? Math.ceil((rows * columns) / sharers) : source.registers;
  return { ...source, registers, tailWaste: tailWaste(dispatch, tile) };
}

/** Share of the work that falls outside the result: from the tile, or from the vec4 that a streaming kernel's grid covers. */
function tailWaste({ kernel, constants, params, grid }: Dispatch, tile: string | null): number | null {
  const p = params ?? {};
  const [rows, columns] = tile?.split("x").map(Number) ?? [];
  const result = resultSize(kernel.name, p);
  if (rows && columns && result) return tileWaste(result[0], result[1], rows, columns);
  const steps = constants.STEPS ?? kernel.constants.STEPS?.value;
  if (p.count === undefined || typeof steps !== "number") return null;
  const covered = grid[0] * grid[1] * grid[2] * workgroupSize(kernel, constants)[0] * steps;
  return covered < p.count ? null : 1 - p.count / covered;
}

/** Rows and columns of the matrix that a convolution or product computes. */
function resultSize(name: string, p: Readonly<Record<string, number>>): [number, number] | null {
  const { n = 0, h = 0, w = 0, oh = 0, ow = 0, ci = 1, co4 = 0 } = p;
  if (name.startsWith("gemm")) return p.m && p.n ? [p.m, p.n] : null;
  if (!name.startsWith("conv2d_") || !n) return null;
  if (name.includes("backward_weight")) return [4 * co4, (p.kh ?? 1) * (p.kw ?? 1) * pitch(ci)];
  return name.includes("backward_input") ? [n * h * w, ci] : [n * oh * ow, 4 * co4];
}
