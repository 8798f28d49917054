import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Device, UserError } from "../../engine/index.js";
import { type ConstantValues, type Kernel, specialise } from "../../engine/kernel.js";
import {
  costOf,
  dispatchTimes,
  evaluate,
  quantile,
  type Roofline,
  rates,
  roofline,
} from "../../engine/profile/index.js";
import { fold } from "../../engine/stream.js";
import type { Tensor } from "../../engine/tensor.js";
import { reason } from "../run/folder.js";

/** One timing of a kernel: a size and a set of constants. */
export interface KernelTiming {
  readonly n: number;
  readonly constants: ConstantValues<string>;
  readonly params: Readonly<Record<string, number>>;
  readonly grid: readonly number[];
  readonly bestMs: number;
  readonly medianMs: number;
  readonly gbps: number;
  readonly gflops: number | null;
  /** Share of the adapter's roof that the best time reaches. */
  readonly roofShare: number;
  readonly bound: "compute" | "memory";
}

/** Expressions in `n` and the constants, by what they set: a param, the words of a binding, grid, flops, bytes, a constant. */
export type Settings = ReadonlyMap<string, string>;

export interface KernelRequest {
  readonly file: string;
  /** Values of `n`; null: those of the file. */
  readonly sizes: readonly number[] | null;
  /** Override those of the file. */
  readonly settings: Settings;
  readonly samples: number;
}

const defaultSizes = [4096, 65536, 1048576];

/**
 * Times one WGSL file over sizes, for its author. What the kernel needs beyond its code stands in comments of the file,
 * `// profile: count = n / 4; grid = ceil(n / 4 / (WG * STEPS))`, or in `settings`.
 * @throws UserError naming the file, the setting and the fix
 */
export async function profileKernel(device: Device, request: KernelRequest): Promise<KernelTiming[]> {
  const { file } = request;
  const source = readSource(file);
  const kernel = await reflect(source, file);
  const settings = new Map([...headerSettings(source), ...request.settings]);
  checkNames(kernel, settings, file);
  const sizes =
    request.sizes ??
    settings
      .get("sizes")
      ?.trim()
      .split(/[\s,]+/)
      .map(Number) ??
    defaultSizes;
  if (sizes.length === 0 || sizes.some((n) => !Number.isSafeInteger(n) || n < 1))
    throw new UserError(`${file}: sizes are "${sizes.join(" ")}"; give whole numbers from 1, such as 4096 65536`);
  await checkCode(device, kernel);
  const roof = await roofline(device);
  const timings: KernelTiming[] = [];
  for (const constants of combinations(kernel, settings, file))
    for (const n of sizes) timings.push(await timeOne(device, kernel, settings, { n, constants }, request, roof));
  return timings;
}

async function timeOne(
  device: Device,
  kernel: Kernel,
  settings: Settings,
  { n, constants }: { n: number; constants: ConstantValues<string> },
  { file, samples }: KernelRequest,
  roof: Roofline,
): Promise<KernelTiming> {
  const values = new Map<string, number>([["n", n]]);
  for (const [name, { value }] of Object.entries(kernel.constants)) values.set(name, Number(constants[name] ?? value));
  const value = (name: string, fallback: string | null): number => {
    const text = settings.get(name) ?? fallback;
    if (text === null)
      throw new UserError(
        `${file}: nothing says what params.${name} is: add a comment "// profile: ${name} = n / 4" to the file, or --with "${name}=n/4"`,
      );
    const result = evaluate(text, values);
    if (result === null)
      throw new UserError(
        `${file}: "${name} = ${text}" has no value; use numbers, n, ${[...values.keys()].join(", ")}, + - * / %, ceil, floor, min, max`,
      );
    return result;
  };
  const params: Record<string, number> = {};
  for (const { name, type } of kernel.params?.fields ?? []) {
    params[name] = type === "f32" ? value(name, null) : Math.ceil(value(name, null));
    values.set(name, params[name] ?? 0);
  }
  const workgroups = Math.ceil(value("grid", `n / ${values.get("WG") ?? kernel.workgroupSize[0]}`));
  const folded = fold(workgroups);
  const grid = [folded[0], settings.has("grid_y") ? value("grid_y", null) : folded[1], value("grid_z", "1")] as const;
  const bindings = makeTensors(device, kernel, (name) => value(name, "n"));
  try {
    const run = () => device.run(kernel, bindings, kernel.params ? params : null, grid, constants);
    const times = (await dispatchTimes(device, run, samples + 2)).slice(2).sort((a, b) => a - b);
    const cost = costOf({ kernel, constants, params, bindings, grid });
    const flops = settings.has("flops") ? value("flops", null) : cost.flops;
    const bytes = settings.has("bytes") ? value("bytes", null) : cost.bytes;
    const bestMs = times[0] ?? 0;
    const { gbps, gflops, roofShare, bound } = rates({ flops, bytes }, bestMs, bestMs, 1, roof);
    return { n, constants, params, grid, bestMs, medianMs: quantile(times, 0.5), gbps, gflops, roofShare, bound };
  } finally {
    for (const tensor of Object.values(bindings)) device.release(tensor);
  }
}

/** Tensors of the words asked for: floats from 0 to 1 that differ; zeros where the code has whole numbers. */
function makeTensors(device: Device, kernel: Kernel, words: (name: string) => number): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const { name, access } of kernel.bindings) {
    if (access === "uniform") continue;
    const rows = Math.max(1, Math.ceil(words(name) / 4));
    const tensor = device.zeros([rows, 4], name);
    tensors[name] = tensor;
    const whole = new RegExp(`var<storage[^>]*>\\s*${name}\\s*:[^;]*\\b(u32|i32|vec[234][ui])\\b`).test(kernel.code);
    if (!whole)
      device.write(
        tensor,
        Float32Array.from({ length: rows * 4 }, (_, i) => (i * 0.618034) % 1),
      );
  }
  return tensors;
}

function readSource(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${reason(error)}); give the path of a WGSL file`);
  }
}

/** Lines `// profile: name = expression; name = expression`. */
export function headerSettings(source: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const [, line = ""] of source.matchAll(/^\s*\/\/\s*profile:\s*(.+)$/gm))
    for (const part of line.split(";")) addSetting(settings, part);
  return settings;
}

/** Adds "name = expression"; text without "=" is passed over. */
export function addSetting(settings: Map<string, string>, text: string): void {
  const at = text.indexOf("=");
  if (at > 0) settings.set(text.slice(0, at).trim(), text.slice(at + 1).trim());
}

function checkNames(kernel: Kernel, settings: Settings, file: string): void {
  const known = new Set([
    ...["sizes", "grid", "grid_y", "grid_z", "flops", "bytes"],
    ...kernel.bindings.filter(({ access }) => access !== "uniform").map(({ name }) => name),
    ...(kernel.params?.fields.map(({ name }) => name) ?? []),
    ...Object.keys(kernel.constants),
  ]);
  for (const name of settings.keys())
    if (!known.has(name))
      throw new UserError(`${file}: the kernel has no "${name}" to set; it has ${[...known].join(", ")}`);
}

/** Constants may be given several values: every combination is timed. */
function combinations(kernel: Kernel, settings: Settings, file: string): ConstantValues<string>[] {
  let all: ConstantValues<string>[] = [{}];
  for (const [name, { type }] of Object.entries(kernel.constants)) {
    const words = settings
      .get(name)
      ?.trim()
      .split(/[\s,]+/);
    if (!words) continue;
    const values = words.map((word) => {
      const value = type === "bool" ? ({ true: true, false: false }[word] ?? Number.NaN) : Number(word);
      if (Number.isNaN(value)) throw new UserError(`${file}: constant ${name} is "${word}", it takes a ${type}`);
      return value;
    });
    all = all.flatMap((constants) => values.map((value) => ({ ...constants, [name]: value })));
  }
  return all;
}

/** Reflects a file as the build does. The parser is a development package, so this works in a checkout. */
async function reflect(source: string, file: string): Promise<Kernel> {
  let module: { reflectShader(code: string, file: string): Kernel };
  try {
    module = (await import(pathToFileURL(reflectModule()).href)) as typeof module;
  } catch (error) {
    throw new UserError(
      `profile kernel needs the project's sources and development packages (${reason(error)}); run it in a checkout after "npm ci"`,
    );
  }
  try {
    return module.reflectShader(source, basename(file));
  } catch (error) {
    throw new UserError(reason(error).replace(basename(file), file));
  }
}

/** scripts/reflect.mjs of the checkout that this module is part of. */
function reflectModule(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, "scripts", "reflect.mjs");
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) throw new Error("scripts/reflect.mjs is not there");
  }
}

/** @throws UserError with the compiler's first message and its line */
async function checkCode(device: Device, kernel: Kernel): Promise<void> {
  device.gpu.pushErrorScope("validation");
  const module = device.gpu.createShaderModule({ label: kernel.file, code: specialise(kernel, {}).code });
  const { messages } = await module.getCompilationInfo();
  await device.gpu.popErrorScope();
  const error = messages.find(({ type }) => type === "error");
  if (error) throw new UserError(`${kernel.file}:${error.lineNum}:${error.linePos}: ${error.message}`);
}
