/** From one entry of a plan to its two PNG files and its line in `synth.json`. Runs in a worker or in the main thread. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PNG } from "pngjs";
import { synthesiseImage } from "./compose.js";
import type { SynthClass, SynthParameters, SynthPresetName } from "./parameters.js";
import { type PlannedImage, planSet } from "./plan.js";

/** What a set is made from: everything a worker needs, and everything `synth.json` must say to make it again. */
export interface SynthJob {
  readonly preset: SynthPresetName;
  readonly seed: number;
  readonly parameters: SynthParameters;
  /** Folder that receives `images/` and `masks/`. */
  readonly folder: string;
}

/** The truth about one image. */
export interface SynthRecord {
  /** Path below `images/` and `masks/`, e.g. `Dense/Dense_0001.png`. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
  /** One entry for a colony of one class; for a composite one per area, fractions of the mask adding up to 1. */
  readonly parts: readonly {
    readonly class: SynthClass;
    readonly fraction: number;
    /** Developmental stage, 0 to 1. */
    readonly stage: number;
    /** Share of the area that its dead cells would cover side by side. */
    readonly dead: number;
  }[];
}

/** 8-bit grey PNG. Run-length strategy: noise does not compress further, masks do, and both are fast. */
export function encodeGrey(pixels: Uint8Array, width: number, height: number): Buffer {
  const format = { width, height, colorType: 0, inputColorType: 0, bitDepth: 8, inputHasAlpha: false } as const;
  const png = new PNG(format);
  png.data = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  return PNG.sync.write(png, { ...format, deflateLevel: 3, deflateStrategy: 3, filterType: 1 });
}

const round4 = (value: number): number => Math.round(value * 10000) / 10000;

/** Draws a planned image and writes picture and mask. @returns its record and the bytes written */
export async function renderImage(job: SynthJob, plan: PlannedImage): Promise<{ record: SynthRecord; bytes: number }> {
  const { parameters, preset, seed, folder } = job;
  const image = synthesiseImage(plan, parameters, parameters.presets[preset].scale, seed);
  const { width, height } = image;
  const picture = encodeGrey(image.pixels, width, height);
  const mask = encodeGrey(image.mask, width, height);
  await writeFile(join(folder, "images", plan.folder, plan.name), picture);
  await writeFile(join(folder, "masks", plan.folder, plan.name), mask);
  const parts = image.parts.map(({ class: name, fraction, state }) => ({
    class: name,
    fraction: round4(fraction),
    stage: round4(state.stage),
    dead: round4(state.dead),
  }));
  return { record: { file: `${plan.folder}/${plan.name}`, width, height, parts }, bytes: picture.length + mask.length };
}

/** Plan of a job; the same in every thread. */
export function planJob(job: SynthJob): PlannedImage[] {
  return planSet(job.parameters, job.preset, job.seed);
}
