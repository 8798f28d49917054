import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Device, UserError } from "../../../engine/index.js";
import { openNodeDevice } from "../../../engine/node.js";
import { bits16Text, type Grey8 } from "../../images/index.js";
import { colonyOf } from "../colony.js";
import { type Detection, detect } from "../detect.js";
import { entropyUnit } from "../filters.js";
import { downloadImage } from "../image.js";
import { checkDetectOptions } from "../options.js";
import { listInputs } from "./inputs.js";
import { cropFolders, makeFolder, removeOutput, type Stage } from "./outputs.js";
import { findWorker, type JobPort, openPort } from "./port.js";
import { cropNames, readRecords, type WellRecord, writeTables } from "./record.js";
import { type Found, findImages, oneAhead, type Task } from "./tasks.js";
import type { DetectFailure, DetectRunOptions, DetectSummary } from "./types.js";

/** The table is brought up to date this often while a run goes on, ms: after a kill it is made again from the records. */
const tablesEvery = 20_000;

/**
 * Finds the colonies in image files and writes crops, masks, overlays and a table to a folder that `train` reads. While the
 * GPU works on an image, one thread reads the next and another writes the last, so memory holds three.
 *
 * @param wells files, or folders of them
 * @throws UserError for options, inputs or a folder that cannot be used; files that cannot be read are reported in the result
 */
export async function detectWells(wells: readonly string[], options: DetectRunOptions): Promise<DetectSummary> {
  checkDetectOptions(options.detect);
  const out = resolve(options.out);
  const inputs = await listInputs(wells, out);
  for (const folder of Object.values(cropFolders(out))) makeFolder(folder);
  const device = await openNodeDevice(options.adapter === undefined ? {} : { adapter: options.adapter });
  const worker = options.workerFile === undefined ? findWorker() : options.workerFile;
  const [reader, writer] = [openPort(worker, device.info.isCpu), openPort(worker, device.info.isCpu)];
  const run = new DetectRun(options, out, device, writer);
  try {
    const found = findImages(inputs, reader, options, run.records.values(), (task) => run.unchanged(task));
    await run.all(oneAhead(found));
    return run.summary(inputs.length);
  } finally {
    await Promise.all([reader.close(), writer.close()]);
    device.close();
  }
}

class DetectRun {
  readonly records: Map<string, WellRecord>;
  private readonly touched: WellRecord[] = [];
  private readonly failures: DetectFailure[] = [];
  private readonly warnings: string[] = [];
  private readonly replaced: string[] = [];
  private readonly crops: CropBook;
  private detected = 0;
  private writing: Promise<void> = Promise.resolve();
  private tablesAt = performance.now();

  constructor(
    private readonly options: DetectRunOptions,
    private readonly out: string,
    private readonly device: Device,
    private readonly writer: JobPort,
  ) {
    this.records = readRecords(out);
    this.crops = new CropBook(out);
  }

  /** Does what is found; the table is written whatever happens. */
  async all(found: AsyncGenerator<Found>): Promise<void> {
    let done = 0;
    try {
      for await (const one of found) {
        this.options.signal.throwIfAborted();
        await this.one(one);
        if (one.kind !== "warnings") done++;
        this.options.log.progress({ label: "detecting colonies", done, total: done + one.left });
        if (performance.now() - this.tablesAt > tablesEvery) this.writeTables();
      }
      await this.writing;
      this.replaceOthers();
      this.tellShared();
    } finally {
      await this.writing.catch(() => undefined);
      this.writeTables();
    }
  }

  private async one(found: Found): Promise<void> {
    if (found.kind === "warnings") for (const text of found.texts) this.warn(text);
    else if (found.kind === "failed") this.fail(found.file, found.message);
    else if (found.kind === "unchanged") this.touched.push(found.record);
    else await this.look(found.task, found.grey);
  }

  private async look(task: Task, grey: Grey8): Promise<void> {
    const stages: Stage[] = [];
    let detection: Detection;
    try {
      detection = await this.detect(grey, stages);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.fail(task.input.name, `${task.input.name}: ${error.message}`);
      return;
    }
    const record = recordOf(task, grey, detection, this.options);
    for (const text of record.warnings) this.warn(`${task.input.name}: ${text}`);
    const before = this.records.get(task.stem);
    const stale = before ? cropNames(before) : [];
    const sorted = stale.filter((name) => this.crops.isSorted(name));
    const isSame = before !== undefined && sameOrigin(before, record);
    if (sorted.length > 0 && !isSame) {
      this.warn(
        `${task.stem}: ${sorted.length} crop(s) of an earlier detection were sorted into classes and stay there; remove them, or the new ones in Unlabelled`,
      );
    }
    await this.writing;
    const { pixels } = grey;
    const output = { out: this.out, record, pixels, mask: detection.mask, stages, stale, kept: isSame ? sorted : [] };
    this.writing = this.writer.write(output).then(() => {
      this.records.set(task.stem, record);
    });
    this.writing.catch(() => undefined); // seen when it is waited for
    this.touched.push(record);
    this.detected++;
  }

  private detect({ pixels, w, h }: Grey8, stages: Stage[]): Promise<Detection> {
    const { device } = this;
    if (!this.options.intermediates) return detect(device, pixels, { w, h }, this.options.detect);
    stages.push({ name: "grey", values: pixels });
    return detect(device, pixels, { w, h }, this.options.detect, {
      image: async (name, image) => {
        stages.push({ name, values: await downloadImage(device, image) });
      },
      entropy: async ({ hi }) => {
        const words = await device.readWords(hi);
        stages.push({ name: "entropy", values: Float32Array.from(words, (word) => word * entropyUnit) });
      },
      objects: async (objects) => {
        stages.push({ name: "labels", values: await objects.labels() });
      },
    });
  }

  /** The record of an image all of whose outputs are there, made from this file with these options. */
  unchanged(task: Task): WellRecord | null {
    const { detect: wanted, intermediates, bits16 } = this.options;
    const record = this.records.get(task.stem);
    if (!record?.complete || (intermediates && !record.intermediates)) return null;
    const folder = join(this.out, task.stem);
    const isThere = ["mask.png", "overlay.png"].every((name) => existsSync(join(folder, name)));
    const rule = record.scale.bits === 16 ? bits16Text(bits16) : null;
    const { sha256, well, time } = task;
    const now = { ...record, sha256, well, time, page: task.page.index, options: wanted };
    const isSame = sameOrigin(record, { ...now, scale: { ...record.scale, rule } });
    if (!isThere || !isSame || !cropNames(record).every((name) => this.crops.has(name))) return null;
    return record;
  }

  /** Images of earlier runs that show a well at a time that this run has done from other files. */
  private replaceOthers(): void {
    const ours = new Set(this.touched.map(({ stem }) => stem));
    const shown = new Set(this.touched.map(wellKey));
    for (const record of [...this.records.values()]) {
      if (ours.has(record.stem) || !shown.has(wellKey(record))) continue;
      removeOutput(this.out, record);
      this.records.delete(record.stem);
      this.replaced.push(record.stem);
    }
  }

  private tellShared(): void {
    const shared = new Map<string, WellRecord[]>();
    for (const record of this.touched) shared.set(wellKey(record), [...(shared.get(wellKey(record)) ?? []), record]);
    const several = [...shared.values()].filter(({ length }) => length > 1);
    const [first] = several;
    if (!first) return;
    const { well, time } = first[0]!;
    this.warn(
      `${first.length} images show well ${well}${time === "" ? "" : ` at time ${time}`} (${first[0]!.stem}, ${first[1]!.stem}...)` +
        `${several.length > 1 ? `, and ${several.length - 1} other wells and times are shared` : ""}; --pattern can tell them apart`,
    );
  }

  private fail(file: string, message: string): void {
    this.failures.push({ file, message });
    this.options.log.warn(`skipped: ${message}`);
  }

  private warn(text: string): void {
    this.warnings.push(text);
    this.options.log.warn(text);
  }

  private writeTables(): void {
    writeTables(this.out, this.records.values());
    this.tablesAt = performance.now();
  }

  summary(files: number): DetectSummary {
    const count = (records: Iterable<WellRecord>) => [...records].reduce((n, { colonies }) => n + colonies.length, 0);
    return {
      out: this.options.out,
      files,
      detected: this.detected,
      unchanged: this.touched.length - this.detected,
      colonies: count(this.touched),
      empty: this.touched.filter(({ colonies }) => colonies.length === 0).length,
      replaced: this.replaced,
      failures: this.failures,
      warnings: this.warnings,
      all: { images: this.records.size, colonies: count(this.records.values()) },
    };
  }
}

const wellKey = ({ well, time }: WellRecord) => JSON.stringify([well, time]);

/** Whether two records are of one image, looked at in one way. */
function sameOrigin(a: WellRecord, b: WellRecord): boolean {
  const key = ({
    sha256,
    page,
    well,
    time,
    scale,
    options: { order, blur, entropyRadius, openingRadius, minSize },
  }: WellRecord) =>
    JSON.stringify([sha256, page, well, time, scale.rule, order, blur, entropyRadius, openingRadius, minSize]);
  return key(a) === key(b);
}

function recordOf(task: Task, grey: Grey8, detection: Detection, options: DetectRunOptions): WellRecord {
  const { input, sha256, page, stem, well, time } = task;
  const { w, h } = grey;
  return {
    version: 1,
    complete: true,
    ...{ stem, well, time, file: input.name.replaceAll("\\", "/"), path: input.path, sha256, page: page.index },
    ...(page.meta.channel !== undefined && { channel: page.meta.channel }),
    ...{ w, h, scale: grey.scale, options: { ...options.detect }, intermediates: options.intermediates },
    threshold: detection.threshold,
    warnings: [...grey.warnings, ...detection.warnings],
    colonies: detection.colonies.map((colony) => colonyOf(colony, w, h)),
  };
}

/** Where the crops of earlier runs lie now. */
class CropBook {
  private readonly folders = new Map<string, string[]>();

  constructor(out: string) {
    const images = join(out, "images");
    for (const folder of readdirSync(images, { withFileTypes: true })) {
      if (!folder.isDirectory()) continue;
      for (const name of readdirSync(join(images, folder.name)))
        this.folders.set(name, [...(this.folders.get(name) ?? []), folder.name]);
    }
  }

  has(name: string): boolean {
    return this.folders.has(name);
  }

  /** Whether the user moved it to the folder of a class. */
  isSorted(name: string): boolean {
    return this.folders.get(name)?.some((folder) => folder !== "Unlabelled") ?? false;
  }
}
