import { transfer } from "comlink";
import type { IDBPDatabase } from "idb";
import { UserError } from "../../../engine/errors.js";
import type { GreyImage } from "../../../pipeline/data/types.js";
import { openImage, toGrey8 } from "../../../pipeline/images/index.js";
import { runFiles } from "../../../pipeline/run/store.js";
import type { RunLog, RunResult } from "../../../pipeline/run/types.js";
import type { DeviceProvider } from "./device.js";
import { blobSource } from "./files.js";
import { filesTable, IdbStore, imagesTable, openDatabase } from "./idbStore.js";
import { openRunZip, runZip } from "./train/archive.js";
import { pageConfig, runConfig, type TrainChoice } from "./train/config.js";
import { type LabelledSet, pageData, type TrainImage } from "./train/images.js";
import { syntheticSet } from "./train/synthetic.js";
import { drive, type PageRun, partCounts } from "./train/training.js";
import { rankUncertain, type Uncertainty } from "./train/uncertainty.js";

/** What a run learns from. */
export interface RunFacts {
  readonly method: string;
  readonly model: string;
  readonly classes: readonly string[];
  readonly parts: { readonly L: number; readonly validation: number; readonly U: number; readonly T: number };
  readonly batch: number;
}

/** Where the training stands. */
export interface TrainStatus {
  readonly state: "none" | "running" | "pausing" | "paused" | "recovering" | "done" | "failed";
  /** Why it failed, or what happens. */
  readonly message: string;
  readonly run: RunFacts | null;
  readonly result: RunResult | null;
}

/** What the page is told while a training runs. */
export type TrainEvent =
  | { readonly kind: "status"; readonly status: TrainStatus }
  /** Lines of metrics; `again`: the first ones, those before are void. */
  | { readonly kind: "metrics"; readonly lines: readonly string[]; readonly again: boolean }
  | { readonly kind: "progress"; readonly label: string; readonly done: number; readonly total: number }
  | { readonly kind: "log"; readonly text: string; readonly warning: boolean };

/** What was labelled so far: kept in the browser. */
export interface Session {
  readonly images: readonly TrainImage[];
  readonly classes: readonly string[];
  readonly labels: readonly (string | null)[];
}

class Paused extends Error {}

const lineFiles = [runFiles.metrics, runFiles.log] as const;
const mostPixels = 2 ** 24;

/** The worker's part of the section Train here: images, one run at a time, and its files. */
export class TrainService {
  private report: (event: TrainEvent) => void = () => {};
  private database: Promise<IDBPDatabase> | null = null;
  private run: PageRun | null = null;
  private stop: AbortController | null = null;
  private ended: Promise<void> = Promise.resolve();
  private status: TrainStatus = { state: "none", message: "", run: null, result: null };

  constructor(protected readonly devices: DeviceProvider) {}

  /** @param report told what happens from now on: a `Comlink.proxy` */
  watch(report: (event: TrainEvent) => void): void {
    this.report = report;
  }

  /** What this browser kept of an earlier visit: the labelling is returned, the run told to `watch`. */
  async restore(): Promise<Session | null> {
    const db = await this.db();
    if (!this.run) await this.findRun(db);
    const images = (await db.get(imagesTable, "images")) as Session["images"] | undefined;
    const labels = (await db.get(imagesTable, "labels")) as Omit<Session, "images"> | undefined;
    return images && labels && images.length === labels.labels.length ? { images, ...labels } : null;
  }

  /** The example: synthetic colonies of four classes, all labelled. */
  async example(onProgress: (done: number, total: number) => void): Promise<LabelledSet> {
    return syntheticSet(onProgress);
  }

  /**
   * Decodes an image that the visitor chose, and its mask where there is one.
   * @throws UserError naming the file: too large, damaged, of another format, a mask of another size
   */
  async decode(file: File, maskFile: File | null): Promise<TrainImage> {
    const image = await decoded(file);
    const mask = maskFile && (await decoded(maskFile));
    if (mask && (mask.width !== image.width || mask.height !== image.height))
      throw new UserError(
        `${maskFile?.name}: the mask is ${mask.width} x ${mask.height} px, but its image is ${image.width} x ${image.height}: make it again from this image`,
      );
    return { name: file.name, image, mask: mask && { ...mask, pixels: mask.pixels.map((value) => Number(value > 0)) } };
  }

  /** Keeps images for the next visit. */
  async keepImages(images: Session["images"]): Promise<void> {
    await (await this.db()).put(imagesTable, images, "images");
  }

  /** Keeps the labels of these images. */
  async keepLabels(labels: Omit<Session, "images">): Promise<void> {
    await (await this.db()).put(imagesTable, labels, "labels");
  }

  /**
   * Starts a training in place of the one before; how it goes is told to `watch`.
   * @throws UserError for images, labels or options that do not fit
   */
  async start(set: LabelledSet, choice: TrainChoice): Promise<void> {
    const config = pageConfig(choice);
    const page = pageData(set);
    const parts = partCounts(config, page, this.log());
    await this.pause();
    const db = await this.db();
    await db.clear(filesTable);
    await db.put(imagesTable, { config, set }, "run");
    this.run = { config, set, store: await this.openStore(db) };
    this.say({ run: factsOf(this.run, parts), result: null });
    this.go(this.run);
  }

  /** Stops behind a checkpoint, from which `resume` goes on. */
  async pause(): Promise<void> {
    if (!this.stop) return;
    this.say({ state: "pausing", message: "Saving" });
    this.stop.abort(new Paused("paused"));
    await this.ended;
  }

  /** Goes on from the last checkpoint. */
  resume(): void {
    if (this.run && !this.stop) this.go(this.run);
  }

  /** Forgets the run. */
  async discard(): Promise<void> {
    await this.pause();
    const db = await this.db();
    await db.clear(filesTable);
    await db.delete(imagesTable, "run");
    this.run = null;
    this.say({ state: "none", message: "", run: null, result: null });
  }

  /** The run as a ZIP file. @throws UserError where there is none */
  async zip(): Promise<Uint8Array<ArrayBuffer>> {
    const { store, set } = this.needRun();
    const bytes = runZip(await store.all(), pageData(set));
    return transfer(bytes, [bytes.buffer]);
  }

  /** The student's weights: a safetensors file; null before the end. */
  async weights(): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.needRun().store.read(runFiles.student);
  }

  /**
   * Takes over a run from a ZIP file, of this page or of the command.
   * @returns the images where they are in it, and the student's weights
   * @throws UserError naming the file
   */
  async openRun(file: File): Promise<{ set: LabelledSet | null; weights: Uint8Array<ArrayBuffer> | null }> {
    const { files, set } = await openRunZip(new Uint8Array(await file.arrayBuffer()), file.name);
    const weights = files.get(runFiles.student) ?? null;
    if (!set && !weights)
      throw new UserError(
        `${file.name}: holds neither images nor a trained network: finish the run with "equipoise resume", or pack the images into its folder "data"`,
      );
    if (!set) return { set, weights };
    const config = runConfig(JSON.parse(new TextDecoder().decode(files.get(runFiles.config))), file.name);
    await this.pause();
    const db = await this.db();
    await db.clear(filesTable);
    for (const [name, bytes] of files) await db.put(filesTable, bytes, name);
    await db.put(imagesTable, { config, set }, "run");
    this.run = null;
    await this.findRun(db);
    return { set, weights };
  }

  /** Which images a network is least sure of. @param weights a safetensors file of a run */
  async rank(weights: Uint8Array, images: readonly TrainImage[]): Promise<Uncertainty[]> {
    return this.devices.use((device) => rankUncertain(device, weights, images));
  }

  private db(): Promise<IDBPDatabase> {
    this.database ??= openDatabase();
    return this.database;
  }

  private openStore(db: IDBPDatabase): Promise<IdbStore> {
    return IdbStore.open(db, filesTable, lineFiles, (file, line) => {
      if (file === runFiles.metrics) this.report({ kind: "metrics", lines: [line], again: false });
    });
  }

  /** The run that the browser kept, paused or finished. */
  private async findRun(db: IDBPDatabase): Promise<void> {
    const kept = (await db.get(imagesTable, "run")) as Omit<PageRun, "store"> | undefined;
    if (!kept) return;
    const store = await this.openStore(db);
    this.run = { ...kept, store };
    const text = await store.read(runFiles.result);
    const result = text && (JSON.parse(new TextDecoder().decode(text)) as RunResult);
    const parts = partCounts(kept.config, pageData(kept.set), this.log());
    this.report({ kind: "metrics", lines: linesOf(store.text(runFiles.metrics)), again: true });
    this.say({ state: result ? "done" : "paused", message: "", run: factsOf(this.run, parts), result });
  }

  private needRun(): PageRun {
    if (this.run) return this.run;
    throw new UserError("nothing was trained yet: start a training");
  }

  private go(run: PageRun): void {
    const stop = new AbortController();
    this.stop = stop;
    this.say({ state: "running", message: "" });
    const onBegin = (metrics: string) => {
      this.report({ kind: "metrics", lines: linesOf(metrics), again: true });
    };
    const onLost = (error: Error) => this.say({ state: "recovering", message: error.message });
    this.ended = drive(this.devices, run, { log: this.log(), signal: stop.signal, onBegin, onLost })
      .then(
        (result) => this.say({ state: "done", message: "", result }),
        (error: Error) => {
          const isPause = error instanceof Paused;
          this.say({ state: isPause ? "paused" : "failed", message: isPause ? "" : error.message });
        },
      )
      .finally(() => {
        this.stop = null;
      });
  }

  private log(): RunLog {
    return {
      info: (text) => this.report({ kind: "log", text, warning: false }),
      warn: (text) => this.report({ kind: "log", text, warning: true }),
      progress: ({ label, done, total }) => {
        // A new device has to compile everything again: until then the loss is what there is to say.
        if (this.status.state === "recovering" && !label.startsWith("compiling"))
          this.say({ state: "running", message: "" });
        this.report({ kind: "progress", label, done, total });
      },
      confirm: async () => true,
    };
  }

  private say(change: Partial<TrainStatus>): void {
    this.status = { ...this.status, ...change };
    this.report({ kind: "status", status: this.status });
  }
}

async function decoded(file: File): Promise<GreyImage> {
  const image = await openImage(blobSource(file));
  const { w, h, pixels } = toGrey8(await image.page(0));
  if (w * h > mostPixels)
    throw new UserError(
      `${file.name}: is ${w} x ${h} px: train on pictures of single colonies; Find colonies cuts them out of a well`,
    );
  return { width: w, height: h, pixels: new Uint8Array(pixels) };
}

function factsOf({ config, set }: PageRun, parts: RunFacts["parts"]): RunFacts {
  const { classes } = pageData(set).dataset;
  return { method: config.method, model: config.model, classes, parts, batch: config.batch };
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
