import { type Command, Option } from "commander";
import { percent } from "../pipeline/format.js";
import { type StepKind, stepKinds, stepOf } from "../pipeline/profile/stepKind.js";
import type { Comparison, KernelTiming, ProfileDocument } from "./actions.js";
import { type StepOptions, stepConfig, withStepOptions } from "./configOptions.js";
import { table } from "./format.js";
import { interruptible } from "./interrupt.js";
import { collect, given, runLog, wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options extends StepOptions {
  step?: StepKind;
  repeats: number;
  timing?: "timestamps" | "host";
  tune: "off" | "cached" | "full";
  adapter?: string;
  trace?: string;
  html?: string;
  svg?: string;
  dumpShaders?: string;
  all?: true;
}

/** `equipoise profile`: where the time of a step goes, kernel by kernel, and how far each is from the adapter's limits. */
export function addProfile(program: Command, session: Session): void {
  const profile = program
    .command("profile")
    .description("time every kernel of a step on this adapter, beside its measured limits");
  withStepOptions(profile)
    .addOption(
      new Option(
        "--step <kind>",
        "an update by cross-entropy, one of teacher and student, one of FixMatch, one from views without labels (SimCLR and its like), " +
          "a prediction, or finding a well's colonies (default: the configuration's)",
      ).choices(stepKinds),
    )
    .option("--repeats <n>", "steps to time", wholeNumber(1), 5)
    .addOption(
      new Option("--timing <by>", "default: the GPU's timestamps where it has them").choices(["timestamps", "host"]),
    )
    .addOption(new Option("--tune <mode>", "kernels to use").choices(["off", "cached", "full"]).default("cached"))
    .option("--adapter <name>", 'part of the name of a WebGPU adapter; see "adapters"')
    .option("--trace <file>", "write a Chrome trace, for ui.perfetto.dev")
    .option("--html <file>", "write a page with roofline, table and the WGSL of each kernel")
    .option("--svg <file>", "write the roofline: .svg, or .png")
    .option("--dump-shaders <folder>", "write the code that the driver gets for each kernel")
    .option("--all", "show every row, not the 25 that take most time")
    .action((options: Options) => runProfile(session, options));
  addCompare(profile, session);
  addKernel(profile, session);
}

async function runProfile(session: Session, options: Options): Promise<void> {
  const { classes, repeats, tune, adapter, timing, trace, html, svg, dumpShaders } = options;
  const config = stepConfig(options);
  const step = options.step ?? stepOf(config.method);
  const files = given({ adapter, timing, trace, html, svg, dumpShaders });
  const document = await interruptible(
    session,
    (signal) =>
      session.actions.profile({ config, classes, step, repeats, tune, ...files, log: runLog(session), signal }),
    () => "nothing was written; start it again",
  );
  session.result(document, describe(document, options.all === true));
}

/** Rows that are shown without `--all`. */
const mostRows = 25;

function describe(document: ProfileDocument, all: boolean): string {
  const { rows, roofline, times, totals } = document;
  const shown = all ? rows : rows.slice(0, mostRows);
  const head = ["kernel", "shape", "variant", "calls", "median ms", "p95 ms", "share", "GFLOP/s", "GB/s", "FLOP/B"];
  const body = shown.map((row) => [
    row.kernel,
    row.shape,
    row.variant ?? "",
    String(Math.round(row.calls * 100) / 100),
    row.medianMs.toFixed(3),
    row.p95Ms.toFixed(3),
    percent(row.share),
    row.gflops === null ? "-" : row.gflops.toFixed(1),
    row.gbps.toFixed(1),
    row.intensity === null ? "-" : row.intensity.toFixed(1),
    percent(row.roofShare),
    row.recoverableMs.toFixed(2),
    row.hints.tailWaste === null ? "-" : percent(row.hints.tailWaste),
    String(row.hints.registers),
    String(row.hints.workgroupBytes),
  ]);
  const hints = ["(hint) tail", "(hint) registers", "(hint) workgroup B"];
  const rest = rows.length - shown.length;
  const rate = totals.matrixFlops / times.unprofiledMs / 1e6;
  return [
    table([[...head, "of roof", "recoverable ms", ...hints], ...body]),
    ...(rest > 0 ? [`... ${rest} more rows: --all`] : []),
    "",
    `${document.subject.step} step of ${document.subject.model}: ${times.unprofiledMs.toFixed(1)} ms without the profiler` +
      `${times.capturedMs === null ? "" : ` (captured; ${times.eagerMs.toFixed(1)} ms op by op)`}, ${times.profiledMs.toFixed(1)} ms with it; ` +
      `kernels ${times.gpuSumMs.toFixed(1)} of ${times.gpuSpanMs.toFixed(1)} ms${document.timing === "host" ? " (host timing)" : ""}`,
    `${(totals.matrixFlops / 1e9).toFixed(2)} GFLOP of convolutions and products, ${rate.toFixed(1)} GFLOP/s: ` +
      `${percent(rate / roofline.gflops)} of the measured ${roofline.gflops.toFixed(0)}; copy ${roofline.gbps.toFixed(1)} GB/s; ` +
      `${totals.recoverableMs.toFixed(1)} ms recoverable at the roofs`,
  ].join("\n");
}

function addCompare(profile: Command, session: Session): void {
  profile
    .command("compare")
    .description("what became faster or slower between two profiles of one adapter")
    .argument("<before>", 'file made by "equipoise profile --json"')
    .argument("<after>", "another one")
    .action(async (before: string, after: string) => {
      const comparison = await session.actions.compareProfiles(before, after);
      for (const text of comparison.warnings) session.say(`warning: ${text}`);
      session.result(comparison, describeComparison(comparison));
    });
}

function describeComparison({ rows, unprofiledMs, gpuSumMs, adapter }: Comparison): string {
  const ms = (value: number | null) => (value === null ? "-" : value.toFixed(3));
  const body = rows.map(({ kernel, shape, variants, ms: [before, after], change }) => [
    kernel,
    shape,
    variants[0] === variants[1] ? (variants[0] ?? "") : `${variants[0] ?? "-"} -> ${variants[1] ?? "-"}`,
    ms(before),
    ms(after),
    signed(change, 3),
    before === null || after === null || after === 0 ? "-" : `${(before / after).toFixed(2)}x`,
  ]);
  const total = (name: string, [a, b]: readonly [number, number]) =>
    `${name}: ${a.toFixed(1)} -> ${b.toFixed(1)} ms (${signed(((b - a) / a) * 100, 1)} %)`;
  return [
    table([["kernel", "shape", "variant", "before ms", "after ms", "change", "faster"], ...body]),
    "",
    `${total("step without the profiler", unprofiledMs)}; ${total("kernels", gpuSumMs)}; ${adapter}`,
  ].join("\n");
}

function addKernel(profile: Command, session: Session): void {
  profile
    .command("kernel")
    .description("time one WGSL file over sizes, for its author; see docs/profiler.md")
    .argument("<file>", "a kernel with one entry point")
    .option("--sizes <n...>", "values of n, instead of the file's")
    .option(
      "--with <name=expression>",
      'such as "count=n/4", "grid=ceil(n/4/(WG*STEPS))", "WG=8 64" (repeatable)',
      collect,
    )
    .option("--flops <expression>", "floating-point operations of a run, such as 2*n*n*n")
    .option("--samples <n>", "runs of each size", wholeNumber(1), 11)
    .option("--adapter <name>", "part of the name of a WebGPU adapter")
    .action(async (file: string, options: KernelOptions, command: Command) => {
      const { sizes = null, flops, samples } = options;
      // The flag is the parent command's, wherever it stands.
      const { adapter } = command.optsWithGlobals<{ adapter?: string }>();
      const texts = [...(options.with ?? []), ...(flops === undefined ? [] : [`flops=${flops}`])];
      const request = { file, sizes: sizes?.map(Number) ?? null, settings: texts, samples, ...given({ adapter }) };
      const result = await session.actions.profileKernel(request);
      session.result({ file, ...result }, describeKernel(result.timings, result.adapter));
    });
}

interface KernelOptions {
  sizes?: string[];
  with?: string[];
  flops?: string;
  samples: number;
}

function describeKernel(timings: readonly KernelTiming[], adapter: string): string {
  const body = timings.map(({ n, constants, grid, bestMs, medianMs, gbps, gflops, roofShare, bound }) => [
    String(n),
    Object.entries(constants)
      .map(([name, value]) => `${name}=${value}`)
      .join(" "),
    grid.join("x"),
    bestMs.toFixed(4),
    medianMs.toFixed(4),
    gbps.toFixed(2),
    gflops === null ? "-" : gflops.toFixed(2),
    `${percent(roofShare)} ${bound}`,
  ]);
  const head = ["n", "constants", "grid", "best ms", "median ms", "GB/s", "GFLOP/s", "of roof"];
  return `${table([head, ...body])}\n\n${adapter}; rates by the best time`;
}

function signed(value: number, digits: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(digits)}`;
}
