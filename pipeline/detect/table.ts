import { csvLine, harmless } from "../data/csv.js";
import type { Colony } from "./colony.js";

/** The table of colonies, `colonies.csv`. Needs no Node: the command and the page write the same one. */

/** An image and what was found in it. */
export interface ImageColonies {
  readonly well: string;
  /** Empty: not known. */
  readonly time: string;
  /** As the user wrote it. */
  readonly file: string;
  readonly stem: string;
  /** Colony i is in <stem>_<i + 1>.png. */
  readonly colonies: readonly Colony[];
}

/** Columns of a colony's box and measures. */
export const measureColumns = [
  "min_row",
  "min_col",
  "max_row",
  "max_col",
  "area",
  "mean_intensity",
  "mean_entropy",
  "touches_border",
] as const;

const columns = ["well", "time", "file", "stem", "n", ...measureColumns];

const byNumber = new Intl.Collator("en", { numeric: true });

/** By well, time and stem, in natural order (t2 before t10). */
export function byPlace<T extends ImageColonies>(images: Iterable<T>): T[] {
  const keys = ["well", "time", "stem"] as const;
  return [...images].sort(
    (a, b) => keys.map((key) => byNumber.compare(a[key], b[key])).find((order) => order !== 0) ?? 0,
  );
}

/**
 * One row per colony (RFC 4180, CRLF), by well, time and number. Boxes are half-open: rows min_row to max_row - 1. Texts that a
 * spreadsheet would run as a formula get a leading apostrophe, file names "./".
 */
export function coloniesCsv(images: Iterable<ImageColonies>): string {
  const rows = byPlace(images).flatMap(({ well, time, file, stem, colonies }) =>
    colonies.map((c, i) => [
      ...[harmless(well), harmless(time), harmless(file, "./"), harmless(stem), i + 1],
      ...[c.minRow, c.minCol, c.maxRow, c.maxCol, c.area],
      ...[significant(c.meanIntensity), significant(c.meanEntropy), String(c.touchesBorder)],
    ]),
  );
  return [columns, ...rows].map((row) => `${csvLine(row)}\r\n`).join("");
}

function significant(value: number): string {
  return String(Number(value.toPrecision(9)));
}
