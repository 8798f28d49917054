import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { mulberry32 } from "../../../engine/rng.js";
import { encodeGrey } from "../../../pipeline/data/png.js";

/** The classes of {@link writeImages}, in the order of the data set. */
export const classes = ["Dark", "Grain", "Round", "Stripes"];

export interface ImageSet {
  /** Images of each class. */
  counts?: number[];
  unlabelled?: number;
  multiLabel?: number;
  /** Side of an image, px. */
  size?: number;
  seed?: number;
}

/** A folder for one test file, removed after it. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "equipoise-run-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes `<root>/<Class>/<n>.png`: noise over a texture of the class, so that a network learns something within a few steps. */
export function writeImages(root: string, options: ImageSet = {}): string {
  const { counts = [14, 16, 18, 20], unlabelled = 0, multiLabel = 0, size = 64, seed = 1 } = options;
  const uniform = mulberry32(seed);
  const write = (folder: string, count: number, kind: (i: number) => number) => {
    for (let i = 0; i < count; i++) writeImage(join(root, folder, `${i}.png`), kind(i), size, uniform);
  };
  counts.forEach((count, c) => {
    write(classes[c] as string, count, () => c);
  });
  write("Unlabelled", unlabelled, (i) => i % counts.length);
  write("MultiLabel", multiLabel, (i) => (i + 1) % counts.length);
  return root;
}

/** One image of a kind (0 dark, 1 grain, 2 round, 3 stripes). */
export function writeImage(file: string, kind: number, size: number, uniform: () => number): void {
  const [phase, shift] = [uniform() * 6, uniform() * 20];
  const pixels = Uint8Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [i % size, Math.floor(i / size)];
    const texture = [
      40,
      128 + (uniform() - 0.5) * 160,
      128 + 90 * Math.cos(Math.hypot(x - 20 - shift, y - 32) / 4),
      128 + 90 * Math.sin(x / 3 + phase),
    ][kind] as number;
    return texture + shift + uniform() * 30;
  });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, encodeGrey({ height: size, width: size, pixels }));
}
