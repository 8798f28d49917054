import { transfer } from "comlink";
import { UserError } from "../../../engine/errors.js";
import { parseConfig } from "../../../pipeline/config/stored.js";
import { runFiles } from "../../../pipeline/run/store.js";
import type { DeviceProvider } from "./device.js";
import { openRunZip, packRun } from "./train/archive.js";
import type { TrainChoice } from "./train/choice.js";
import { pageConfig } from "./train/config.js";
import { RunControl } from "./train/control.js";
import { decodeImage } from "./train/decode.js";
import type { Session, TrainEvent } from "./train/events.js";
import type { LabelledSet, TrainImage } from "./train/images.js";
import { alone } from "./train/oneTab.js";
import { TrainStorage } from "./train/storage.js";
import { syntheticSet } from "./train/synthetic.js";
import { rankUncertain, type Uncertainty } from "./train/uncertainty.js";

/** The worker's part of the section Train here: images, one run at a time, and its files. */
export class TrainService {
  private report: (event: TrainEvent) => void = () => {};
  private readonly control: RunControl;
  private readonly storage = new TrainStorage((file, line) => {
    if (file === runFiles.metrics) this.report({ kind: "metrics", lines: [line], again: false });
  });

  constructor(protected readonly devices: DeviceProvider) {
    this.control = new RunControl(devices, (event) => this.report(event));
  }

  /** @param report told what happens from now on: a `Comlink.proxy` */
  watch(report: (event: TrainEvent) => void): void {
    this.report = report;
  }

  /** What this browser kept of an earlier visit: the labelling is returned, the run told to `watch`. */
  async restore(): Promise<Session | null> {
    const run = this.control.hasRun ? null : await this.storage.run();
    if (run) await this.control.show(run);
    return this.storage.session();
  }

  /** The example: synthetic colonies of four classes, all labelled. */
  async example(onProgress: (done: number, total: number) => void): Promise<LabelledSet> {
    return syntheticSet(onProgress);
  }

  /** An image that the visitor chose, and its mask where there is one. @throws UserError naming the file */
  async decode(file: File, maskFile: File | null): Promise<TrainImage> {
    return decodeImage(file, maskFile);
  }

  /** Keeps images for the next visit. */
  keepImages(images: Session["images"]): Promise<void> {
    return this.storage.keepImages(images);
  }

  /** Keeps the labels of these images. */
  keepLabels(labels: Omit<Session, "images">): Promise<void> {
    return this.storage.keepLabels(labels);
  }

  /**
   * Starts a training in place of the one before; how it goes is told to `watch`.
   * @throws UserError for images, labels or options that do not fit, and while another tab trains
   */
  async start(set: LabelledSet, choice: TrainChoice): Promise<void> {
    const made = { config: pageConfig(choice), set };
    const facts = this.control.facts(made);
    await this.control.pause();
    this.control.start(await alone(() => this.storage.newRun(made, new Map())), facts);
  }

  /** Stops behind a checkpoint, from which `resume` goes on. */
  pause(): Promise<void> {
    return this.control.pause();
  }

  /** Goes on from the last checkpoint. */
  async resume(): Promise<void> {
    this.control.resume(await this.storage.run());
  }

  /** Forgets the run. @throws UserError while another tab trains */
  async discard(): Promise<void> {
    await this.control.pause();
    await alone(() => this.storage.forgetRun());
    this.control.forget();
  }

  /** The report of the run as it stands, going on or finished: one HTML file. @throws UserError where there is none */
  async reportHtml(): Promise<string> {
    // A part of its own, with the charts: who makes no report need not wait for it.
    const { reportRun } = await import("./train/report.js");
    return reportRun(this.control.run);
  }

  /** The run with its images and its report as a ZIP file. @throws UserError where there is none */
  async zip(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await packRun(this.control.run, () => this.reportHtml(), this.control.log.warn);
    return transfer(bytes, [bytes.buffer]);
  }

  /** The student's weights: a safetensors file; null before the end. */
  async weights(): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.control.run.store.read(runFiles.student);
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
    const config = parseConfig(JSON.parse(new TextDecoder().decode(files.get(runFiles.config))), file.name);
    await this.control.pause();
    await this.control.show(await alone(() => this.storage.newRun({ config, set }, files)));
    return { set, weights };
  }

  /** Which images a network is least sure of. @param weights a safetensors file of a run */
  async rank(weights: Uint8Array, images: readonly TrainImage[]): Promise<Uncertainty[]> {
    return this.devices.useTuned((device) => rankUncertain(device, weights, images));
  }
}
