import { UserError } from "../../engine/errors.js";
import { Rng } from "../../engine/rng.js";
import { assignUnits, type Bin, type Unit } from "./assign.js";
import { looksLikeTimeSeries } from "./groups.js";
import { resolveSplitOptions, type SplitOptions, type SplitSettings } from "./splitOptions.js";
import type { Dataset, Split } from "./types.js";

/** Working state of one split. */
interface Job {
  dataset: Dataset;
  settings: SplitSettings;
  /** Number of classes. */
  classes: number;
  warnings: string[];
}

function unitsOf(dataset: Dataset, images: readonly number[]): Unit[] {
  const byGroup = new Map<string, number[]>();
  for (const i of images) {
    const { group } = dataset.images[i]!;
    const key = group === null ? `image ${i}` : `group ${group}`;
    const members = byGroup.get(key);
    if (members) members.push(i);
    else byGroup.set(key, [i]);
  }
  return [...byGroup.values()].map((members) => {
    const counts = new Map<number, number>();
    for (const i of members) counts.set(dataset.images[i]!.label!, (counts.get(dataset.images[i]!.label!) ?? 0) + 1);
    return { members, counts: [...counts] };
  });
}

function unitCounts(units: readonly Unit[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const unit of units) for (const [label] of unit.counts) counts[label]!++;
  return counts;
}

const membersOf = (units: readonly Unit[]) => units.flatMap((unit) => unit.members).sort((a, b) => a - b);

/** Number of images of each class among `images` (indices into the dataset); images without a label are not counted. */
export function classCounts(dataset: Dataset, images: readonly number[]): number[] {
  const counts = new Array<number>(dataset.classes.length).fill(0);
  for (const i of images) {
    const { label } = dataset.images[i]!;
    if (label !== null) counts[label]!++;
  }
  return counts;
}

/** Refuses classes that cannot give each of T, validation and L an image (or a group), before anything is drawn. */
function checkClassSizes(job: Job, units: readonly Unit[], need: number, why: string): void {
  const { dataset } = job;
  const counts = unitCounts(units, job.classes);
  const images = classCounts(dataset, membersOf(units));
  const grouped = units.some((unit) => dataset.images[unit.members[0]!]!.group !== null);
  const small = [...counts.keys()].filter((label) => counts[label]! < need).sort((a, b) => counts[a]! - counts[b]!);
  const [label, ...others] = small;
  if (label === undefined) return;
  const has = `${images[label]} image${images[label] === 1 ? "" : "s"}${grouped ? ` in ${counts[label]} group(s)` : ""}`;
  const what = grouped ? "images of other groups" : "images";
  const also = others.length > 0 ? `; too few as well: ${others.map((i) => `"${dataset.classes[i]}"`).join(", ")}` : "";
  throw new UserError(
    `${dataset.root}: class "${dataset.classes[label]}" has ${has}, but ${why}${also}; add ${what}, or remove the class folder`,
  );
}

/** T of the benchmark split: one of `folds` parts that together hold every labelled image once. */
function benchmarkTest(job: Job, units: readonly Unit[]): boolean[] {
  const { folds, fold, seed } = job.settings;
  const fewest = Math.min(...unitCounts(units, job.classes));
  const smaller =
    fewest >= 3
      ? ` (or set data.folds to at most ${fewest}, or data.split to labelled: three of each class will do)`
      : "";
  const why = `each of the ${folds} folds needs at least one, and training and validation one each${smaller}`;
  checkClassSizes(job, units, Math.max(folds, 3), why);
  const all = classCounts(job.dataset, membersOf(units));
  const bin: Bin = { target: all.map((count) => count / folds), least: 1 };
  const part = assignUnits(units, new Array<Bin>(folds).fill(bin), job.classes, new Rng(seed, "split/test"));
  return Array.from(part, (p) => p === fold);
}

/**
 * T of the labelled split: `testFraction` of each class, at least one. Different folds are disjoint while the classes are large
 * enough (1/testFraction of them), else independent draws.
 */
function labelledTest(job: Job, units: readonly Unit[]): boolean[] {
  const { fold, testFraction, seed } = job.settings;
  checkClassSizes(job, units, 3, "test, validation and training need at least one each");
  const all = classCounts(job.dataset, membersOf(units));
  const parts = Math.floor(1 / testFraction + 1e-9);
  if (Math.min(...unitCounts(units, job.classes)) >= parts && parts >= 2 && fold < parts) {
    const bins: Bin[] = new Array(parts).fill({ target: all.map((count) => count * testFraction), least: 1 });
    const rest = 1 - parts * testFraction;
    if (rest > 1e-9) bins.push({ target: all.map((count) => count * rest), least: 0 });
    return Array.from(assignUnits(units, bins, job.classes, new Rng(seed, "split/test")), (p) => p === fold);
  }
  const target = all.map((count) => Math.max(1, count * testFraction));
  const others = all.map((count, label) => count - target[label]!);
  const bins = [
    { target, least: 1 },
    { target: others, least: 2 },
  ];
  return Array.from(assignUnits(units, bins, job.classes, new Rng(seed, `split/test/${fold}`)), (p) => p === 0);
}

/** Which units of the rest keep their label in the benchmark split: `labelledFraction` of the whole, two per class at least. */
function benchmarkLabelled(job: Job, rest: readonly Unit[], all: readonly number[]): boolean[] {
  const { labelledFraction, folds, fold, seed } = job.settings;
  if (labelledFraction > 1 - 1 / folds + 1e-9) {
    throw new UserError(
      `labelledFraction is ${labelledFraction}, but one of ${folds} folds is kept for the test: use at most ${1 - 1 / folds}`,
    );
  }
  const left = classCounts(job.dataset, membersOf(rest));
  const target = left.map((count, label) => Math.min(count, Math.max(2, labelledFraction * all[label]!)));
  const raised = target.flatMap((_, label) =>
    labelledFraction * all[label]! < 1.5 ? [job.dataset.classes[label]] : [],
  );
  if (raised.length > 0) {
    job.warnings.push(
      `labelledFraction ${labelledFraction} is less than two images of ${raised.join(", ")}: two are labelled, one of them for validation`,
    );
  }
  const bins = [
    { target, least: 2 },
    { target: left.map((count, label) => count - target[label]!), least: 0 },
  ];
  const part = assignUnits(rest, bins, job.classes, new Rng(seed, `split/labelled/${fold}`));
  return Array.from(part, (p) => p === 0);
}

function validationUnits(job: Job, labelled: readonly Unit[]): boolean[] {
  const { validationFraction, fold, seed } = job.settings;
  const all = classCounts(job.dataset, membersOf(labelled));
  const target = all.map((count) => Math.min(count, Math.max(1, validationFraction * count)));
  const bins = [
    { target, least: 1 },
    { target: all.map((count, label) => count - target[label]!), least: 1 },
  ];
  const part = assignUnits(labelled, bins, job.classes, new Rng(seed, `split/validation/${fold}`));
  return Array.from(part, (p) => p === 0);
}

/** Images without a label that join U: not those of a group that is in T or validation. */
function unlabelledImages(job: Job, evaluated: readonly number[]): number[] {
  const { images } = job.dataset;
  const blocked = new Set(evaluated.map((i) => images[i]!.group).filter((group) => group !== null));
  const wanted: number[] = [];
  let left = 0;
  for (const [i, image] of images.entries()) {
    if (image.part === "labelled" || (image.part === "multi-label" && !job.settings.useMultiLabel)) continue;
    if (image.group !== null && blocked.has(image.group)) left++;
    else wanted.push(i);
  }
  if (left > 0)
    job.warnings.push(`${left} image(s) without a label are left out: their group is in the test or validation part`);
  return wanted;
}

function checkParts(job: Job, parts: { [name: string]: readonly number[] }): void {
  for (const [name, images] of Object.entries(parts)) {
    const empty = classCounts(job.dataset, images).indexOf(0);
    if (empty < 0) continue;
    throw new UserError(
      `${job.dataset.root}: class "${job.dataset.classes[empty]}" has too few images or groups to have one in the ${name} part ` +
        `(fold ${job.settings.fold}); add images, use fewer folds, or group less coarsely (groupBy)`,
    );
  }
}

function warnAboutNames(job: Job): void {
  const { classes, images } = job.dataset;
  if (images.some((image) => image.group !== null)) return;
  for (const [label, name] of classes.entries()) {
    const ids = images.filter((image) => image.label === label).map((image) => image.id);
    if (!looksLikeTimeSeries(ids)) continue;
    job.warnings.push(
      `the names of class "${name}" look like time series (${ids.slice(0, 3).join(", ")}): images of one well or colony may end in ` +
        `training and test both, which makes results look better than they are; set data.groupBy`,
    );
    return;
  }
}

/**
 * Splits a dataset into L, validation, U and T (METHOD: stratified by class, groups kept whole, deterministic in `seed`).
 *
 * Benchmark: T is fold `fold` of `folds`; L with validation is `labelledFraction` of all labelled images, drawn from the rest;
 * U is everything else, its labels hidden (read labels through `visibleLabels`). Labelled: T is `testFraction`, L the rest, U the
 * unlabelled images. Validation is cut from L. Without groups every part is within one image per class of its share.
 *
 * @throws UserError for settings out of range and for classes with too few images or groups
 */
export function splitDataset(dataset: Dataset, options: SplitOptions): Split {
  const settings = resolveSplitOptions(options);
  const job: Job = { dataset, settings, classes: dataset.classes.length, warnings: [] };
  const every = dataset.images.flatMap((image, i) => (image.part === "labelled" ? [i] : []));
  const hasUnlabelled = dataset.images.some((image) => image.part === "unlabelled");
  const benchmark = settings.split === "benchmark" || (settings.split === "auto" && !hasUnlabelled);
  const units = unitsOf(dataset, every);
  const inTest = benchmark ? benchmarkTest(job, units) : labelledTest(job, units);
  const rest = units.filter((_, u) => !inTest[u]);
  const keeps = benchmark ? benchmarkLabelled(job, rest, classCounts(dataset, every)) : rest.map(() => true);
  const labelled = rest.filter((_, u) => keeps[u]);
  const hidden = membersOf(rest.filter((_, u) => !keeps[u]));
  const validates = validationUnits(job, labelled);
  const validation = membersOf(labelled.filter((_, u) => validates[u]));
  const T = membersOf(units.filter((_, u) => inTest[u]));
  const L = membersOf(labelled.filter((_, u) => !validates[u]));
  checkParts(job, { test: T, validation, training: L });
  warnAboutNames(job);
  if (settings.supervisedOn === "L+U") {
    return { L: [...L, ...hidden].sort((a, b) => a - b), validation, U: [], T, warnings: job.warnings };
  }
  const U = [...hidden, ...unlabelledImages(job, [...T, ...validation])].sort((a, b) => a - b);
  if (U.length === 0)
    job.warnings.push("no image is left without a label (U is empty): only supervised training is possible");
  return { L, validation, U, T, warnings: job.warnings };
}

/**
 * The labels that a run may use, by image: those of L, validation and T. Images of U give -1, also where the dataset knows
 * their class. Training and evaluation read labels only from here.
 */
export function visibleLabels(dataset: Dataset, split: Split): Int32Array {
  const labels = new Int32Array(dataset.images.length).fill(-1);
  for (const i of [...split.L, ...split.validation, ...split.T]) labels[i] = dataset.images[i]!.label ?? -1;
  return labels;
}

/** True classes of images whose labels are hidden, in the order of `U`, -1 where unknown: for reports only, never for training. */
export function hiddenLabels(dataset: Dataset, { U }: Pick<Split, "U">): Int32Array {
  return Int32Array.from(U, (i) => dataset.images[i]!.label ?? -1);
}
