import type { ConstantValues, Kernel } from "../kernel.js";
import { specialise } from "../kernel.js";
import { evaluate } from "./expression.js";

/**
 * What the source of a kernel suggests about its cost on the adapter. These are hints: compilers may do better or worse, and
 * WebGPU tells nobody how many registers a kernel got.
 */
export interface Hints {
  /** Workgroup memory that the code declares, bytes. */
  readonly workgroupBytes: number;
  /** 32-bit registers of a thread: the results of the tile that it holds; without a tile, the variables of its longest function. */
  readonly registers: number;
  /** Share of the computed tile that lies outside the result, 0 to 1; null: the tile is not known. */
  readonly tailWaste: number | null;
}

const cache = new Map<string, { workgroupBytes: number; registers: number }>();

/** @param constants the specialisation of this dispatch */
export function sourceHints(
  kernel: Kernel,
  constants: ConstantValues<string>,
): { workgroupBytes: number; registers: number } {
  const key = `${kernel.file} ${JSON.stringify(constants)}`;
  let known = cache.get(key);
  if (!known) {
    const { code } = specialise(kernel, constants);
    const values = constantsOf(code, kernel, constants);
    known = { workgroupBytes: workgroupBytes(code, values), registers: registersOf(code, values) };
    cache.set(key, known);
  }
  return known;
}

/** Threads of a workgroup along x, y and z. */
export function workgroupSize(kernel: Kernel, constants: ConstantValues<string>): [number, number, number] {
  const value = (size: number | string | undefined) =>
    typeof size === "string" ? Number(constants[size] ?? kernel.constants[size]?.value ?? 1) : (size ?? 1);
  const [x, y, z] = kernel.workgroupSize;
  return [value(x), value(y), value(z)];
}

/** Share of rows x columns tiles that lies outside `m` x `n` results. */
export function tileWaste(m: number, n: number, rows: number, columns: number): number {
  const covered = Math.ceil(m / rows) * rows * Math.ceil(n / columns) * columns;
  return 1 - (m * n) / covered;
}

/** Module-scope constants by name, those that follow from others included as far as they are plain arithmetic. */
function constantsOf(code: string, kernel: Kernel, given: ConstantValues<string>): Map<string, number> {
  const values = new Map<string, number>();
  for (const [name, { value }] of Object.entries(kernel.constants)) values.set(name, Number(given[name] ?? value));
  for (const [, name = "", text = ""] of code.matchAll(/^\s*(?:const|override)\s+(\w+)\s*(?::\s*\w+\s*)?=([^;]*);/gm)) {
    const value = evaluate(text, values, "whole");
    if (value !== null && !values.has(name)) values.set(name, value);
  }
  return values;
}

const wordsOf: Readonly<Record<string, number>> = { f32: 1, u32: 1, i32: 1, bool: 1, f16: 0.5 };

/** 32-bit words of a WGSL type; null: not a type that this reads. */
function words(type: string, values: ReadonlyMap<string, number>): number | null {
  const text = type.replace(/\s+/g, "");
  const scalar = wordsOf[text];
  if (scalar !== undefined) return scalar;
  const vector = /^vec([234])(?:([fuih])|<(\w+)>)$/.exec(text);
  if (vector) return Number(vector[1]) * (vector[2] === "h" || vector[3] === "f16" ? 0.5 : 1);
  const array = /^array<(.+),([^,<>]+)>$/.exec(text);
  if (!array) return null;
  const [element, length] = [words(array[1] ?? "", values), evaluate(array[2] ?? "", values, "whole")];
  return element === null || length === null ? null : element * length;
}

function workgroupBytes(code: string, values: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const [, type = ""] of code.matchAll(/var<workgroup>\s+\w+\s*:\s*([^;]+);/g))
    total += 4 * (words(type, values) ?? 0);
  return total;
}

/** Variables declared by `var` in the function that declares most: accumulators are. Values named by `let` die soon. */
function registersOf(code: string, values: ReadonlyMap<string, number>): number {
  const functions = code.split(/\bfn\s+\w+/).slice(1);
  return Math.max(0, ...functions.map((body) => variablesOf(body, values)));
}

function variablesOf(body: string, values: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const [, declared, initial = ""] of body.matchAll(/\bvar\s+\w+\s*(?::\s*([^=;]+))?(?:=\s*([^;]*))?;/g)) {
    const type = declared ?? /^(vec[234][fuih]?(?:<\w+>)?|array<[^;]*?>)\s*\(/.exec(initial)?.[1] ?? "u32";
    total += words(type, values) ?? 1;
  }
  return total;
}
