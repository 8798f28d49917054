import { UserError } from "../../engine/errors.js";
import type { ProfileDocument } from "./document.js";

/** Times of a kernel at a shape in two profiles, ms per step; null: it does not occur there. */
export interface ComparedRow {
  readonly kernel: string;
  readonly shape: string;
  readonly variants: readonly [string | null, string | null];
  readonly calls: readonly [number, number];
  readonly ms: readonly [number | null, number | null];
  /** Second minus first, ms per step. */
  readonly change: number;
}

export interface Comparison {
  readonly adapter: string;
  readonly unprofiledMs: readonly [number, number];
  readonly gpuSumMs: readonly [number, number];
  readonly warnings: readonly string[];
  /** The largest change first. */
  readonly rows: readonly ComparedRow[];
}

/**
 * What became faster or slower between two profiles.
 * @param names the files, for messages
 * @throws UserError if the adapters, the ways of timing, or the steps differ: such times say nothing about kernels
 */
export function compareProfiles(a: ProfileDocument, b: ProfileDocument, names: readonly [string, string]): Comparison {
  const differ = (what: string, x: string, y: string, fix: string) => {
    if (x !== y)
      throw new UserError(
        `${names[0]} and ${names[1]} cannot be compared: ${what} is "${x}" in the first, "${y}" in the second; ${fix}`,
      );
  };
  differ("the adapter", adapterName(a), adapterName(b), "profile both on the same adapter");
  differ("the timing", a.timing, b.timing, "give both the same --timing");
  differ("the work shape", a.adapter.workFor, b.adapter.workFor, "profile both the same way");
  const [x, y] = [subjectText(a), subjectText(b)];
  differ("the step", x, y, "give both the same --step, --model, --input and --batch");
  const warnings = [a, b].flatMap(({ quantumNs, warnings: own }, i) =>
    quantumNs >= 10_000 ? own.map((text) => `${names[i]}: ${text}`) : [],
  );
  return {
    adapter: adapterName(a),
    unprofiledMs: [a.times.unprofiledMs, b.times.unprofiledMs],
    gpuSumMs: [a.times.gpuSumMs, b.times.gpuSumMs],
    warnings,
    rows: comparedRows(a, b),
  };
}

/** Variants of an operation at one shape are one row, whatever their kernels are called. */
function comparedRows(a: ProfileDocument, b: ProfileDocument): ComparedRow[] {
  const [first, second] = [a, b].map((profile) => {
    const merged = new Map<
      string,
      { name: string; shape: string; variant: string | null; calls: number; ms: number }
    >();
    for (const { operation, kernel, shape, variant, calls, totalMs } of profile.rows) {
      const name = operation ?? kernel;
      const key = `${name} ${shape}`;
      const known = merged.get(key);
      merged.set(key, {
        name,
        shape,
        variant: variant ?? known?.variant ?? null,
        calls: calls + (known?.calls ?? 0),
        ms: totalMs + (known?.ms ?? 0),
      });
    }
    return merged;
  });
  const keys = new Set([...(first?.keys() ?? []), ...(second?.keys() ?? [])]);
  return [...keys]
    .map((key): ComparedRow => {
      const [x, y] = [first?.get(key), second?.get(key)];
      return {
        kernel: x?.name ?? y?.name ?? "",
        shape: x?.shape ?? y?.shape ?? "",
        variants: [x?.variant ?? null, y?.variant ?? null],
        calls: [x?.calls ?? 0, y?.calls ?? 0],
        ms: [x?.ms ?? null, y?.ms ?? null],
        change: (y?.ms ?? 0) - (x?.ms ?? 0),
      };
    })
    .sort((x, y) => Math.abs(y.change) - Math.abs(x.change));
}

/** Who made the adapter, what it is and its driver. */
export function adapterName({ adapter }: ProfileDocument): string {
  const { vendor, architecture, device, description } = adapter;
  return [vendor, architecture, device, description].filter((part) => part).join(" ");
}

/** e.g. "train step of vgg19, width 1, 128 px, batch 16, 4 classes". */
export function subjectText({ subject }: ProfileDocument): string {
  const { step, model, width, input, batch, classes } = subject;
  if (step === "detect") return `${model} in a well of ${input} x ${input} px`;
  return `${step} step of ${model}, width ${width}, ${input} px, batch ${batch}, ${classes} classes`;
}
