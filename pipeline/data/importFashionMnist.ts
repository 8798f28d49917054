import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { UserError } from "../../engine/errors.js";
import { FASHION_CLASSES, FASHION_SHAPES, type FashionShape, type ShapeClass } from "./fashionShapes.js";
import { type IdxSet, missingIdxFiles, readIdxSet } from "./idx.js";
import { type ImportSide, toSide } from "./importSides.js";
import { makeFolder } from "./newFolder.js";
import { encodeGrey } from "./png.js";

/** Where Debian's package `dataset-fashion-mnist` puts its files. */
export const DEBIAN_FOLDER = "/usr/share/datasets/fashion-mnist";
/** Images between two looks at the abort signal. */
const BURST = 100;

export interface ImportOptions {
  shape: FashionShape;
  /** Side of the written images, px; default 64. */
  size?: ImportSide;
  /** Folder of the four IDX files; default the Debian package's. */
  source?: string;
  onProgress?: (done: number, total: number) => void;
  /** When aborted, nothing is kept. */
  signal?: AbortSignal;
}

export interface ImportSummary {
  /** Images in `images/`. */
  images: number;
  /** Images per class folder of `images/`. */
  counts: Record<string, number>;
  /** Images per class folder of `test/images/`. */
  testCounts: Record<string, number>;
  shape: FashionShape;
  /** Folder that the data came from. */
  source: string;
}

function checkSource(folder: string, isDefault: boolean): void {
  const missing = missingIdxFiles(folder);
  if (missing.length === 0) return;
  const fix = isDefault
    ? "Install Debian's (Ubuntu's) package: sudo apt-get install dataset-fashion-mnist . Elsewhere download the four files " +
      "from https://github.com/zalandoresearch/fashion-mnist and give their folder as --source"
    : "Give the folder that holds the four *-ubyte.gz files";
  throw new UserError(`${folder}: ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing. ${fix}`);
}

/** Indices of the first images of a class. @throws UserError when there are fewer than the shape asks for */
function firstOf(set: IdxSet, { label, name, images }: ShapeClass, source: string): number[] {
  const found: number[] = [];
  for (let i = 0; i < set.count && found.length < images; i++) if (set.labels[i] === label) found.push(i);
  if (found.length < images) {
    throw new UserError(
      `${source}: class ${label} (${name}) has ${found.length} training images, ${images} are needed; is this Fashion-MNIST?`,
    );
  }
  return found;
}

/** One image to write: index into a set, file name inside the new folder. */
interface Item {
  set: IdxSet;
  index: number;
  path: string;
}

function listItems(set: IdxSet, indices: readonly number[], folder: string, part: string): Item[] {
  return indices.map((index) => ({ set, index, path: join(folder, `${part}-${String(index).padStart(5, "0")}.png`) }));
}

async function writeItems(
  root: string,
  items: readonly Item[],
  { size: side = 64, onProgress, signal }: ImportOptions,
): Promise<void> {
  for (const [done, { set, index, path }] of items.entries()) {
    if (done % BURST === 0) {
      onProgress?.(done, items.length);
      await setImmediate();
      signal?.throwIfAborted();
    }
    const size = set.height * set.width;
    const pixels = set.pixels.subarray(index * size, (index + 1) * size);
    const image = { height: set.height, width: set.width, pixels };
    writeFileSync(join(root, path), encodeGrey(toSide(image, side)));
  }
  onProgress?.(items.length, items.length);
}

const howTo = { 64: "enlarged to 64x64 px (bilinear)", 32: "set into 32x32 px, with a black border" } as const;

function readme(
  { shape, size = 64 }: ImportOptions,
  classes: readonly ShapeClass[],
  testCounts: Record<string, number>,
): string {
  const rows = classes.map(
    ({ label, name, images }) =>
      `  ${name.padEnd(12)} class ${label}, ${images} images, ${testCounts[name]} test images`,
  );
  return `Fashion-MNIST, shape "${shape}"

images/<Class>/       the first images of each class of the set's training part, in the order of its files
test/images/<Class>/  the set's own test images of these classes: a second, untouched test
File names hold the image's index in the set's file (from 0). Images of 28x28 px are ${howTo[size]}.

${rows.join("\n")}

Source: Fashion-MNIST, https://github.com/zalandoresearch/fashion-mnist (Debian's package dataset-fashion-mnist).
Copyright 2017 Zalando SE, https://tech.zalando.com. Licence: MIT (Debian: Expat).
Han Xiao, Kashif Rasul, Roland Vollgraf: "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", arXiv:1708.07747 (2017).
`;
}

/**
 * Writes a set of real labelled images, `OUT/images/<Class>/*.png` and `OUT/test/images/<Class>/*.png`, from Fashion-MNIST's IDX files.
 * No choice is random: each class gets its first images in file order. All or nothing.
 *
 * @param out a new (or empty) folder
 * @throws UserError when the files are absent (with the command that installs them) or damaged, and when `out` is not empty
 */
export async function importFashionMnist(out: string, options: ImportOptions): Promise<ImportSummary> {
  const source = options.source ?? DEBIAN_FOLDER;
  const classes: readonly ShapeClass[] | undefined = FASHION_SHAPES[options.shape];
  if (classes === undefined) {
    throw new UserError(`shape "${options.shape}" is unknown; choose one of ${Object.keys(FASHION_SHAPES).join(", ")}`);
  }
  checkSource(source, options.source === undefined);
  return makeFolder(out, async (folder) => {
    const train = readIdxSet(source, "train", FASHION_CLASSES.length);
    const test = readIdxSet(source, "t10k", FASHION_CLASSES.length);
    const counts: Record<string, number> = {};
    const testCounts: Record<string, number> = {};
    const items = classes.flatMap((entry) => {
      const trainFolder = join("images", entry.name);
      const testFolder = join("test", "images", entry.name);
      for (const path of [trainFolder, testFolder]) mkdirSync(join(folder, path), { recursive: true });
      const tests = [...test.labels.keys()].filter((i) => test.labels[i] === entry.label);
      counts[entry.name] = entry.images;
      testCounts[entry.name] = tests.length;
      return [
        ...listItems(train, firstOf(train, entry, source), trainFolder, "train"),
        ...listItems(test, tests, testFolder, "test"),
      ];
    });
    await writeItems(folder, items, options);
    writeFileSync(join(folder, "README.txt"), readme(options, classes, testCounts));
    const images = classes.reduce((sum, entry) => sum + entry.images, 0);
    return { images, counts, testCounts, shape: options.shape, source };
  });
}
