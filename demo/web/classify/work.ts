import { type Signal, signal } from "@preact/signals";
import { proxy } from "comlink";
import { encodeLabelTiff } from "../../../pipeline/classMap/labelTiff.js";
import { classMapSvg } from "../../../pipeline/classMap/overlay.js";
import { cropName } from "../../../pipeline/detect/colony.js";
import { predictionsCsv } from "../../../pipeline/run/predictionsCsv.js";
import { assetUrl } from "../assets.js";
import { cropOf, type Job, wells } from "../find/wells.js";
import { again } from "../shared/again.js";
import { announce } from "../shared/announce.js";
import { download } from "../shared/downloads.js";
import { checkOpenable, counted } from "../shared/format.js";
import { type LoadedNetwork, network, showProblem } from "../state.js";
import type { ColonyMap } from "../worker/classifyService.js";
import { api } from "../worker/client.js";
import { facts, map, patches, type Verdict, verdictOf, verdicts } from "./results.js";

/** What the section Classify does. */

export const job: Signal<Job | null> = signal(null);
const bundledFile = "colonies.safetensors";
let loaded: LoadedNetwork | null = null;

/** The network that the project trained on its synthetic set (demo/web/assets/README.md). */
export function takeBundled(): Promise<void> {
  return attempt("Loading the network of this page", async () => {
    const response = await fetch(assetUrl(bundledFile));
    if (!response.ok) throw new Error(`${bundledFile}: the server answers ${response.status}`);
    await take(new Uint8Array(await response.arrayBuffer()), "the network of this page", "bundled");
  });
}

/** A network from the visitor's files: a safetensors file and, where that does not carry it, the run's config.json. */
export function takeFiles(files: readonly File[]): Promise<void> {
  const [weights] = files.filter(({ name }) => /\.safetensors$/i.test(name));
  return attempt(`Opening ${(weights ?? files[0])?.name ?? "a network"}`, async () => {
    const config = files.find(({ name }) => /\.json$/i.test(name));
    if (!weights)
      throw new Error("choose the safetensors file of a network, such as weights/student.safetensors of a run");
    for (const file of [weights, ...(config ? [config] : [])]) checkOpenable(file);
    const beside = config && { name: config.name, text: await config.text() };
    await take(new Uint8Array(await weights.arrayBuffer()), weights.name, "file", beside);
  });
}

/** The network that another section left in `network`, if the worker does not have it yet. */
export function takeShared(): Promise<void> {
  const { value } = network;
  if (!value || value === loaded) return Promise.resolve();
  return attempt(`Opening ${value.name}`, () => take(value.file, value.name, value.origin));
}

async function take(
  file: Uint8Array<ArrayBuffer>,
  name: string,
  origin: LoadedNetwork["origin"],
  beside?: { name: string; text: string },
): Promise<void> {
  job.value = { label: `Opening ${name}`, done: null };
  const known = await again(() => api.classify.load(file, name, beside));
  loaded = { name, origin, classes: known.classes, file };
  network.value = loaded;
  facts.value = known;
}

/** All colonies that were found, classified anew. */
export function classifyAll(): Promise<void> {
  return attempt("Classifying", async () => {
    const all = wells.value.flatMap((well) => (well.found?.colonies ?? []).map((_, i) => ({ well, number: i + 1 })));
    const label = "Classifying";
    // Compiling comes first and may take seconds.
    job.value = { label, done: null };
    const report = proxy((done: number, total: number) => {
      job.value = { label, done: done / total };
    });
    const crops = all.map(({ well, number }) => cropOf(well, number));
    const rows = await again(() => api.classify.classify(crops, patches.value, report));
    verdicts.value = all.map(({ well, number }, i) => verdictOf(well, number, rows[i] as Float32Array));
    announce(`${counted(all.length, "colony", "colonies")} classified`);
  });
}

/** The class map of one colony. */
export function mapColony(verdict: Verdict): Promise<void> {
  const { well, number } = verdict;
  const label = `Mapping colony ${number} of ${well.name}`;
  return attempt(label, async () => {
    job.value = { label, done: null };
    const report = proxy((done: number) => {
      job.value = { label: `${label}: ${done} patches`, done: null };
    });
    map.value = { verdict, map: await again(() => api.classify.map(cropOf(well, number), null, report)) };
  });
}

export function stop(): void {
  api.classify.cancel();
}

/** The table that `equipoise predict` writes, with well and time. */
export function downloadPredictions(all: readonly Verdict[], classes: readonly string[]): void {
  const rows = all.map(({ well, number, probabilities }) => ({ file: cropName(well.stem, number - 1), probabilities }));
  const more = { columns: ["well", "time"], rows: all.map(({ well: { well, time } }) => ({ well, time })) };
  download("predictions.csv", predictionsCsv(rows, classes, more), "text/csv;charset=utf-8");
}

/** The picture and the labels of a class map, named as `equipoise classmap` names them. */
export function downloadMap(
  kind: "picture" | "labels",
  { well, number }: Verdict,
  map: ColonyMap,
  classes: readonly string[],
): void {
  const stem = cropName(well.stem, number - 1).replace(/\.png$/, "");
  if (kind === "labels") {
    const tiff = encodeLabelTiff(map.labels, map.width, map.height, { classes, pixelSize: null });
    download(`${stem}_labels.tif`, new Uint8Array(tiff), "image/tiff");
    return;
  }
  const svg = classMapSvg(cropOf(well, number).image, map, { classes, title: stem, pixelSize: null });
  download(`${stem}_map.svg`, svg, "image/svg+xml");
}

async function attempt(doing: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error && error.message === "stopped")) showProblem(doing, error);
  } finally {
    job.value = null;
  }
}
