/** `equipoise synth --wells`: whole wells as time-lapse sequences with ground truth. See docs/synth.md and docs/detection.md. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { UserError } from "../../../engine/errors.js";
import { makeFolder } from "../../data/newFolder.js";
import { synthParameters } from "../parameters.js";
import { encodeGrey } from "../render.js";
import { drawFrame, type Frame, type FrameColony } from "./frame.js";
import { planWell, wellSide, wellsVersion } from "./history.js";

export interface WellsOptions {
  /** 1 to 96. */
  readonly wells: number;
  /** Hourly frames of each well, 1 to 999; 48 as in the paper by default. */
  readonly frames?: number;
  /** Side of a picture, px, 256 to 8192; 2908 as in the paper by default. */
  readonly size?: number;
  readonly seed: number;
  /** Called after every frame. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops early and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

export interface WellsSummary {
  readonly out: string;
  readonly wells: number;
  readonly frames: number;
  readonly size: number;
  readonly seed: number;
  readonly version: number;
  /** Colonies in all frames, by class. */
  readonly counts: Record<string, number>;
  readonly bytes: number;
  readonly seconds: number;
}

/** A01 to H12, row by row, as on a plate of 96. */
export function wellName(index: number): string {
  return `${"ABCDEFGH"[Math.floor(index / 12)]}${String((index % 12) + 1).padStart(2, "0")}`;
}

function check({ wells, frames = 48, size = wellSide, seed }: WellsOptions): void {
  const limits: [string, number, number, number][] = [
    ["the number of wells", wells, 1, 96],
    ["the number of frames", frames, 1, 999],
    ["the size", size, 256, 8192],
    ["the seed", seed, 0, Number.MAX_SAFE_INTEGER],
  ];
  for (const [name, value, least, most] of limits)
    if (!Number.isSafeInteger(value) || value < least || value > most)
      throw new UserError(`synth --wells: ${name} is ${value}; give a whole number from ${least} to ${most}`);
}

const CSV_HEAD = "well,time,colony,class,min_row,min_col,max_row,max_col,area,touches_border,stage,dead,parts\n";

function csvRow(well: string, time: number, { parts, ...c }: FrameColony): string {
  const list = parts.map((part) => `${part.class}:${part.share.toFixed(2)}`).join(";");
  const [first] = parts;
  const values = [well, time, c.id, c.class, c.minRow, c.minCol, c.maxRow, c.maxCol, c.area, c.touchesBorder ? 1 : 0];
  return `${[...values, first?.stage.toFixed(4), first?.dead.toFixed(4), list].join(",")}\n`;
}

/**
 * Writes wells as `OUT/wells/A01_t00.png` (8-bit grey), their truth as `OUT/truth/A01_t00.png` (grey value = number of the colony, 0 =
 * none) and `OUT/truth/colonies.csv`, and `OUT/wells.json`. One frame is in memory at a time. The folder appears complete or not at all;
 * the same options give the same bytes.
 * @throws UserError for options out of range, a folder that is not empty or cannot be written
 */
export async function synthesiseWells(out: string, options: WellsOptions): Promise<WellsSummary> {
  check(options);
  const { wells, frames = 48, size = wellSide, seed, onProgress, signal } = options;
  const start = performance.now();
  const counts: Record<string, number> = {};
  let bytes = 0;
  await makeFolder(out, async (folder) => {
    for (const name of ["wells", "truth"]) await mkdir(join(folder, name));
    const csv = join(folder, "truth", "colonies.csv");
    await writeFile(csv, CSV_HEAD);
    for (let index = 0; index < wells; index++) {
      const well = wellName(index);
      const colonies = planWell(seed, well, size, frames);
      for (let hour = 0; hour < frames; hour++) {
        signal?.throwIfAborted();
        const frame = drawFrame(colonies, { seed, well, hour, size, parameters: synthParameters });
        const stem = `${well}_t${String(hour).padStart(frames > 100 ? 3 : 2, "0")}`;
        bytes += await writeFrame(folder, stem, size, frame);
        await writeFile(csv, frame.colonies.map((colony) => csvRow(well, hour, colony)).join(""), { flag: "a" });
        for (const { class: name } of frame.colonies) counts[name] = (counts[name] ?? 0) + 1;
        onProgress?.(index * frames + hour + 1, wells * frames);
        await setImmediate();
      }
    }
    const facts = {
      generator: "equipoise synth --wells",
      version: wellsVersion,
      synthVersion: synthParameters.version,
    };
    await writeFile(
      join(folder, "wells.json"),
      `${JSON.stringify({ ...facts, wells, frames, size, seed, counts }, null, 2)}\n`,
    );
  });
  const seconds = (performance.now() - start) / 1000;
  return { out, wells, frames, size, seed, version: wellsVersion, counts, bytes, seconds };
}

async function writeFrame(folder: string, stem: string, size: number, frame: Frame): Promise<number> {
  const picture = encodeGrey(frame.pixels, size, size);
  const truth = encodeGrey(frame.ids, size, size);
  await writeFile(join(folder, "wells", `${stem}.png`), picture);
  await writeFile(join(folder, "truth", `${stem}.png`), truth);
  return picture.length + truth.length;
}
