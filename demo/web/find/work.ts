import { assetUrl } from "../assets.js";
import { again } from "../shared/again.js";
import { announce } from "../shared/announce.js";
import { counted, formatBytes } from "../shared/format.js";
import { showProblem } from "../state.js";
import { api } from "../worker/client.js";
import {
  bits16,
  currentWell,
  freeStem,
  isOtherRule,
  isStale,
  job,
  options,
  outlinesOf,
  replaceWell,
  shownWell,
  type Well,
  wells,
} from "./wells.js";

/** What the section Find does: reads images, looks for colonies, one after another; every step can be stopped. */

/** Wells drawn by the project (demo/web/assets/README.md). */
export const samples = ["A06_t33.jpg", "A02_t28.jpg", "A04_t32.jpg"] as const;

/** Grey values and masks that a page keeps, bytes: some twenty wells of 2908 x 2908 px. */
const mostBytes = 400e6;

let count = 0;
let stopped = false;
let queue: Promise<void> = Promise.resolve();

/** Ends what is going on at its next step. */
export function stop(): void {
  stopped = true;
}

/** Reads image files and finds their colonies. What cannot be read is shown, and the others are read. */
export function addFiles(files: readonly File[]): Promise<void> {
  return inTurn(async () => {
    for (const [i, file] of files.entries()) {
      if (stopped) return;
      job.value = { label: `Reading ${file.name}`, done: i / files.length };
      await attempt(`Reading ${file.name}`, () => addFile(file));
    }
    await findStale();
  });
}

/** The project's own wells, those that are not there yet. */
export async function addSamples(): Promise<void> {
  const missing = samples.filter((name) => !wells.value.some((well) => well.name === name));
  await attempt("Loading the samples", async () => {
    const files = missing.map(async (name) => {
      const response = await fetch(assetUrl(`samples/${name}`));
      if (!response.ok) throw new Error(`${name}: the server answers ${response.status}`);
      return new File([await response.blob()], name);
    });
    await addFiles(await Promise.all(files));
  });
}

/** Looks at all wells again that were looked at with other options. */
export function findAgain(): Promise<void> {
  return inTurn(findStale);
}

async function findStale(): Promise<void> {
  const stale = wells.value.filter(isStale);
  for (const [i, well] of stale.entries()) {
    if (stopped) return;
    job.value = { label: `Finding colonies in ${well.name}`, done: i / stale.length };
    await attempt(`Finding colonies in ${well.name}`, () => findIn(well));
  }
  if (stale.length === 0) return;
  const found = stale.flatMap(({ id }) => wells.value.find((well) => well.id === id)?.found?.colonies ?? []);
  announce(`${counted(found.length, "colony", "colonies")} found in ${counted(stale.length, "image")}`);
}

async function addFile(file: File): Promise<void> {
  const { pages, warnings } = await api.find.openFile(file);
  for (const { index, stem, well, time } of pages) {
    if (stopped) return;
    const { pixels: grey, w: width, h: height, scale, warnings: more } = await api.find.read(index, bits16.value);
    checkRoom(file.name, grey.length);
    const id = `image${++count}`;
    const place = { page: index, stem: freeStem(stem), well, time };
    const said = [...(index === pages[0]?.index ? warnings : []), ...more];
    wells.value = [
      ...wells.value,
      { id, name: file.name, width, height, grey, file, ...place, scale, warnings: said, found: null },
    ];
    shownWell.value ??= id;
  }
}

/** @throws Error when the image would not fit beside the others */
function checkRoom(name: string, bytes: number): void {
  const kept = wells.value.reduce((sum, { grey }) => sum + 2 * grey.length, 0);
  if (kept + 2 * bytes <= mostBytes) return;
  throw new Error(
    `${name}: the images here have ${formatBytes(kept / 2)} already, and a page keeps at most ${formatBytes(mostBytes / 2)}: ` +
      "remove some, or use the command equipoise detect for whole plates",
  );
}

async function findIn(old: Well): Promise<void> {
  const { id, width: w, height: h } = old;
  const wanted = options.value;
  const well = isOtherRule(old) ? await readAgain(old) : old;
  const found = await again(() => api.find.find({ pixels: well.grey, w, h, options: wanted }));
  replaceWell(id, { found: { ...found, options: wanted, outlines: outlinesOf(found, w) } });
  if (currentWell()?.found == null) shownWell.value = id;
}

/** A well of 16 bits by another rule. */
async function readAgain(well: Well): Promise<Well> {
  await api.find.openFile(well.file);
  const { pixels: grey, scale, warnings } = await api.find.read(well.page, bits16.value);
  replaceWell(well.id, { grey, scale, warnings });
  return { ...well, grey, scale, warnings };
}

/** One piece of work after another. */
function inTurn(work: () => Promise<void>): Promise<void> {
  const turn = queue.then(async () => {
    stopped = false;
    try {
      await work();
    } finally {
      job.value = null;
    }
  });
  queue = turn.catch(() => {});
  return turn;
}

async function attempt(doing: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    showProblem(doing, error);
  }
}
