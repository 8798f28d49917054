import { writeFileSync } from "node:fs";
import { UserError } from "../../engine/errors.js";
import type { Device } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import { type Timing, trace } from "../../engine/profile/index.js";
import type { Config } from "../config/schema.js";
import { drawingFile } from "../figures/png.js";
import { standalone } from "../figures/standalone.js";
import { reason } from "../run/folder.js";
import { checkMemory } from "../run/limits.js";
import type { RunLog } from "../run/types.js";
import { packageVersion } from "../run/version.js";
import { prepareChoices } from "../tuning/tuneRun.js";
import { adapterName, subjectText } from "./compare.js";
import type { ProfileDocument } from "./document.js";
import { dumpShaders } from "./dumpShaders.js";
import { type KernelRequest, type KernelTiming, profileKernel } from "./kernelFile.js";
import { profilePage } from "./page.js";
import { type Measurement, profileStep } from "./profileStep.js";
import { rooflineChart } from "./rooflineChart.js";
import type { StepKind } from "./stepKind.js";
import { makeStep, wellSide } from "./steps.js";

export { adapterName, type Comparison, compareProfiles, subjectText } from "./compare.js";
export { type ProfileDocument, readProfile } from "./document.js";
export { addSetting, type KernelTiming } from "./kernelFile.js";
export { hintText } from "./page.js";
export { type StepKind, stepKinds } from "./stepKind.js";

export interface ProfileCommandOptions {
  readonly config: Config;
  readonly classes: number;
  readonly step: StepKind;
  readonly repeats: number;
  readonly timing?: Timing;
  /** Kernels to use: see `prepareChoices`. */
  readonly tune: "off" | "cached" | "full";
  readonly adapter?: string;
  /** Files and folder to write. */
  readonly trace?: string;
  readonly html?: string;
  /** The roofline; a PNG where the name ends in .png. */
  readonly svg?: string;
  readonly dumpShaders?: string;
  readonly log: RunLog;
  readonly signal: AbortSignal;
}

/** Dawn rounds timestamps for the sake of web pages; here they are the user's own. */
const exactTimestamps = "disable-dawn-features=timestamp_quantization";

/** Profiles a step of a configuration on made-up data and writes the files asked for. */
export async function profileForConfig(options: ProfileCommandOptions): Promise<ProfileDocument> {
  const { config, classes, step: kind, adapter, log, signal } = options;
  const device = await open(adapter);
  try {
    if (kind !== "predict") checkMemory(config, device.limits.maxStorageBufferBindingSize, classes);
    await prepareChoices(device, options.tune, config, classes, { log, signal });
    const step = makeStep(device, config, classes, kind);
    const measured = await profileStep(device, step, {
      repeats: options.repeats,
      ...(options.timing ? { timing: options.timing } : {}),
      signal,
      onProgress: (done, total) => log.progress({ label: "profiling", done, total }),
    });
    step.release();
    const { document, eager } = describe(device, options, measured);
    writeFiles(options, document, eager);
    for (const text of document.warnings) log.warn(text);
    if (options.dumpShaders !== undefined) {
      const unique = new Map(document.rows.map((row) => [`${row.kernel} ${JSON.stringify(row.constants)}`, row]));
      const kernels = [...unique.values()].map(({ kernel, constants }) => ({ kernel, constants }));
      const dumped = await dumpShaders(options.dumpShaders, { adapter: adapter ?? null, kernels });
      log.info(`${dumped.length} shaders as the driver gets them: ${options.dumpShaders}`);
    }
    return document;
  } finally {
    device.close();
  }
}

/** Times one kernel file. */
export async function profileKernelFile(
  request: KernelRequest,
  adapter?: string,
): Promise<{ adapter: string; timings: KernelTiming[] }> {
  const device = await open(adapter);
  try {
    const timings = await profileKernel(device, request);
    return { adapter: device.info.device || device.info.description, timings };
  } finally {
    device.close();
  }
}

function open(adapter: string | undefined): Promise<Device> {
  return openNodeDevice({ dawn: [exactTimestamps], ...(adapter === undefined ? {} : { adapter }) });
}

function describe(
  device: Device,
  { config, classes, step }: ProfileCommandOptions,
  { eager, ...measured }: Measurement,
): { document: ProfileDocument; eager: Measurement["eager"] } {
  const { model, width, patch, batch } = config;
  const document: ProfileDocument = {
    format: "equipoise-profile",
    version: 1,
    equipoise: packageVersion(),
    created: new Date().toISOString(),
    adapter: {
      ...device.info,
      workFor: device.workFor,
      subgroups: device.gpu.features.has("subgroups" as GPUFeatureName),
    },
    subject:
      step === "detect"
        ? { step, model: "colony detection", width: 1, input: wellSide, batch: 1, classes: 0 }
        : { step, model, width, input: patch.size, batch, classes },
    ...measured,
  };
  return { document, eager };
}

function writeFiles(options: ProfileCommandOptions, document: ProfileDocument, eager: Measurement["eager"]): void {
  const { trace: traceFile, html, svg } = options;
  if (traceFile !== undefined) {
    const facts = { adapter: adapterName(document), step: subjectText(document), created: document.created };
    write("--trace", traceFile, JSON.stringify(trace(eager, facts)));
  }
  if (html !== undefined) write("--html", html, profilePage(document));
  if (svg === undefined) return;
  const chart = rooflineChart(document);
  if (!chart)
    throw new UserError(`--svg ${svg}: no kernel of this step has counted operations, so there is no roofline`);
  write("--svg", svg, drawingFile(svg, standalone(chart)));
}

function write(flag: string, file: string, content: string | Uint8Array): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new UserError(`${flag} ${file}: cannot be written (${reason(error)}); give a path in an existing folder`);
  }
}
