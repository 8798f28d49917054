import { computed, type Signal, signal } from "@preact/signals";
import { proxy } from "comlink";
import { cropOf, wells } from "../find/wells.js";
import { showProblem } from "../state.js";
import { api } from "../worker/client.js";
import { classNameProblem, type LabelledSet, type TrainImage } from "../worker/train/images.js";
import type { Uncertainty } from "../worker/train/uncertainty.js";

/** The images of the section Train here, their classes, and how the visitor labels them. */

/** Classes have a key from 1 to 9, and a colour. */
export const mostClasses = 9;
const mostImages = 4000;

export const trainImages: Signal<readonly TrainImage[]> = signal([]);
export const classes: Signal<readonly string[]> = signal([]);
/** Class of each image; null: not labelled. */
export const labels: Signal<readonly (string | null)[]> = signal([]);
/** Images in the order in which they are shown. */
export const order: Signal<readonly number[]> = signal([]);
/** What a network says of the images that it was asked about. */
export const guesses: Signal<ReadonlyMap<number, Uncertainty>> = signal(new Map());
/** The image that is shown. */
export const current: Signal<number | null> = signal(null);
export const reading: Signal<{ readonly label: string; readonly done: number | null } | null> = signal(null);

/** Folder places of images that came with a run; void once a label changes. */
let ids: readonly string[] | null = null;
/** What can be taken back: one image's label, or all labels. */
type Change =
  | { readonly image: number; readonly label: string | null }
  | { readonly all: readonly (string | null)[]; readonly image: number | null };
const history: Signal<readonly Change[]> = signal([]);
export const canUndo = computed(() => history.value.length > 0);

export const counts = computed(() => classes.value.map((name) => labels.value.filter((one) => one === name).length));
export const unlabelledCount = computed(() => labels.value.filter((label) => label === null).length);

/** Number of a class's colour: as in the list of classes, which a run sorts. @param fallback for classes of another set */
export function colourOf(name: string, fallback: number): number {
  const at = classes.value.indexOf(name);
  return at < 0 ? fallback : at;
}

/** The set as a training takes it. */
export function currentSet(): LabelledSet {
  return { images: trainImages.value, labels: labels.value, ...(ids && { ids }) };
}

/** Replaces images and labels, and keeps them for the next visit. */
export function openSet(set: LabelledSet, names?: readonly string[]): void {
  const found = [...new Set(set.labels.filter((label) => label !== null))].sort();
  trainImages.value = set.images;
  labels.value = set.labels;
  classes.value = [...new Set([...(names ?? []), ...found])];
  ids = set.ids ?? null;
  history.value = [];
  guesses.value = new Map();
  order.value = set.images.map((_, i) => i);
  current.value = nextUnlabelled(-1);
  api.train.keepImages(set.images).catch((error: unknown) => showProblem("Keeping the images", error));
  keepNow();
}

/** Forgets images and labels; what was trained stays. */
export function closeSet(): void {
  openSet({ images: [], labels: [] });
}

/** What the browser kept of an earlier visit. */
export async function restoreSession(): Promise<void> {
  const session = await api.train.restore();
  if (session && trainImages.value.length === 0) openSet(session, session.classes);
}

export async function openExample(): Promise<void> {
  await work("Drawing the example", async () => {
    const report = (done: number, total: number) => {
      reading.value = { label: `Drawing colonies: ${done} of ${total}`, done: done / total };
    };
    openSet(await api.train.example(proxy(report)));
  });
}

/** Reads images; of a folder, the names of its folders are their classes. What cannot be read is shown, and the others are read. */
export async function addFiles(files: readonly File[]): Promise<void> {
  const readable = files.filter(({ name }) => /\.(png|jpe?g|jpe|tiff?|btf|tf8)$/i.test(name));
  const pictures = readable.filter((file) => !isMask(file));
  const masks = new Map(readable.filter(isMask).map((file) => [stemBelow(file, "masks"), file]));
  await work("Reading the images", async () => {
    if (pictures.length === 0)
      throw new Error("there is no PNG, JPEG or TIFF file: choose pictures of single colonies");
    if (trainImages.value.length + pictures.length > mostImages)
      throw new Error(
        `${pictures.length} images are more than this page keeps (${mostImages}): use the command equipoise train`,
      );
    const read: { image: TrainImage; label: string | null }[] = [];
    for (const [i, file] of pictures.entries()) {
      reading.value = { label: `Reading ${file.name}`, done: i / pictures.length };
      try {
        read.push({
          image: await api.train.decode(file, masks.get(stemBelow(file, "images")) ?? null),
          label: folderClass(file),
        });
      } catch (error) {
        showProblem(`Reading ${file.name}`, error);
      }
    }
    const before = currentSet();
    const set = {
      images: [...before.images, ...read.map(({ image }) => image)],
      labels: [...before.labels, ...read.map(({ label }) => label)],
    };
    if (read.length > 0) openSet(set, classes.value);
  });
}

/** As the command reads a folder: `masks/Dense/x.png` belongs to `images/Dense/x.png`. */
function isMask(file: File): boolean {
  return file.webkitRelativePath.split("/").slice(1, -1).includes("masks");
}

/** `Dense/x` of `set/images/Dense/x.png`. */
function stemBelow(file: File, folder: string): string {
  const path = file.webkitRelativePath;
  const at = path.indexOf(`/${folder}/`);
  return path.slice(at < 0 ? 0 : at + folder.length + 2).replace(/\.[^.]*$/, "");
}

/** `Dense` of `set/images/Dense/x.png`; null for loose files, and for folders of images without a class. */
function folderClass(file: File): string | null {
  const parts = file.webkitRelativePath.split("/");
  const folder = parts.length > 2 ? (parts.at(-2) ?? "") : "";
  return classNameProblem(folder) === null && !/^images$/i.test(folder) ? folder : null;
}

/** Adds the colonies that were found in the section Find, with their masks, those that are not there yet. */
export function addColonies(): void {
  const cut = wells.value.flatMap((well) => (well.found?.colonies ?? []).map((_, i) => cropOf(well, i + 1)));
  const before = currentSet();
  const isNew = (one: TrainImage) => !before.images.some((other) => isSame(one, other));
  const added = cut.filter(isNew);
  if (added.length === 0) return;
  const images = [...before.images, ...added];
  openSet({ images, labels: [...before.labels, ...added.map(() => null)] }, classes.value);
}

function isSame({ name, image: a }: TrainImage, { name: other, image: b }: TrainImage): boolean {
  return name === other && a.width === b.width && a.pixels.every((value, i) => value === b.pixels[i]);
}

/** @returns why not; null: done */
export function addClass(name: string): string | null {
  const trimmed = name.trim();
  const problem = classNameProblem(trimmed);
  if (problem) return problem;
  if (classes.value.includes(trimmed)) return `there is a class "${trimmed}" already`;
  if (classes.value.length >= mostClasses) return `this page labels ${mostClasses} classes at most`;
  classes.value = [...classes.value, trimmed];
  keep();
  return null;
}

/** Removes a class that no image has. */
export function removeClass(name: string): void {
  if (labels.value.includes(name)) return;
  classes.value = classes.value.filter((one) => one !== name);
  keep();
}

/** Labels the image that is shown, and shows the next. */
export function label(name: string): void {
  const at = current.value;
  if (at === null) return;
  history.value = [...history.value, { image: at, label: labels.value[at] ?? null }];
  setLabel(at, name);
  current.value = nextUnlabelled(at);
}

export function skip(): void {
  if (current.value !== null) current.value = nextUnlabelled(current.value);
}

/** Takes the last label back and shows its image again; or brings all labels back that were cleared. */
export function undo(): void {
  const last = history.value.at(-1);
  if (!last) return;
  history.value = history.value.slice(0, -1);
  if ("all" in last) setLabels(last.all);
  else setLabel(last.image, last.label);
  current.value = last.image;
}

/** Forgets all labels: to label the images by hand. */
export function clearLabels(): void {
  history.value = [...history.value, { all: labels.value, image: current.value }];
  setLabels(labels.value.map(() => null));
  current.value = nextUnlabelled(-1);
}

/** Puts the images first that a network is least sure of. @param weights a safetensors file of a run */
export async function sortByUncertainty(weights: Uint8Array): Promise<void> {
  await work("Asking the network", async () => {
    const open = labels.value.flatMap((one, i) => (one === null ? [i] : []));
    reading.value = { label: `Looking at ${open.length} images`, done: null };
    const said = await api.train.rank(
      weights,
      open.map((i) => trainImages.value[i] as TrainImage),
    );
    const found = new Map(open.map((image, i) => [image, said[i] as Uncertainty]));
    guesses.value = found;
    const entropy = (i: number) => found.get(i)?.entropy ?? -1;
    order.value = [...order.value].sort((a, b) => entropy(b) - entropy(a) || a - b);
    current.value = nextUnlabelled(-1);
  });
}

function setLabel(image: number, name: string | null): void {
  setLabels(labels.value.map((one, i) => (i === image ? name : one)));
}

function setLabels(next: readonly (string | null)[]): void {
  labels.value = next;
  ids = null;
  keep();
}

/** The first image without a label behind `image` in the order, then from its beginning; null where all have one. */
function nextUnlabelled(image: number): number | null {
  const at = order.value.indexOf(image);
  const round = [...order.value.slice(at + 1), ...order.value.slice(0, Math.max(0, at))];
  return round.find((i) => labels.value[i] === null) ?? null;
}

async function work(doing: string, job: () => Promise<void>): Promise<void> {
  try {
    await job();
  } catch (error) {
    showProblem(doing, error);
  } finally {
    reading.value = null;
  }
}

let timer = 0;
/** Stores the session a moment after the last change: labels come one a second. */
function keep(): void {
  clearTimeout(timer);
  timer = window.setTimeout(keepNow, 400);
}

function keepNow(): void {
  clearTimeout(timer);
  timer = 0;
  const kept = { classes: classes.value, labels: labels.value };
  api.train.keepLabels(kept).catch((error: unknown) => showProblem("Keeping the labels", error));
}

// Out of sight timers wait for a minute, and the browser may drop the page before that.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && timer !== 0) keepNow();
});
