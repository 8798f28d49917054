import { UserError } from "../../engine/errors.js";
import type { LabelTable } from "./labels.js";

/** The file name of an image id, which is a path with forward slashes. */
function basename(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}

function compile(groupBy: string, table: LabelTable | null): RegExp {
  try {
    return new RegExp(groupBy);
  } catch (error) {
    const columns = table ? `; it is no column of ${table.file} either (${table.columns.join(", ")})` : "";
    throw new UserError(
      `groupBy: "${groupBy}" is not a valid regular expression (${(error as Error).message})${columns}`,
    );
  }
}

/**
 * The group of each image id: the value of a CSV column, or what a regular expression finds in the file name (its first
 * capture group, else the whole match). Null without `groupBy`, and for images that have no value.
 *
 * @throws UserError when `groupBy` is no valid expression or matches no file at all
 */
export function groupImages(
  ids: readonly string[],
  groupBy: string | null,
  table: LabelTable | null,
  warnings: string[],
): (string | null)[] {
  if (groupBy === null) return ids.map(() => null);
  const isColumn = table?.columns.includes(groupBy) ?? false;
  const pattern = isColumn ? null : compile(groupBy, table);
  const groups = ids.map((id) => {
    if (pattern === null) return table?.byId.get(id)?.[groupBy] || null;
    const match = pattern.exec(basename(id));
    return match === null ? null : (match[1] ?? match[0]);
  });
  const missing = groups.indexOf(null);
  if (groups.every((group) => group === null)) {
    const what = isColumn ? `column "${groupBy}" of ${table!.file} is empty` : `"${groupBy}" matches no file name`;
    throw new UserError(`groupBy: ${what}, for example not that of ${ids[0]}`);
  }
  if (missing >= 0) {
    const count = groups.filter((group) => group === null).length;
    warnings.push(
      `groupBy "${groupBy}" gives no group for ${count} image(s): each is its own group, first ${ids[missing]}`,
    );
  }
  return groups;
}

const TIME_TOKEN =
  /(?:^|[-_. ])(?:t|tp|time|timepoint|frame|hour|hr|h|day|d)[-_]?(\d+)(?=$|[-_. ])|(?:^|[-_. ])(\d+)(?:h|hr|hrs|min|days?)(?=$|[-_. ])/i;

function largestShare(bases: ReadonlyMap<string, number>, total: number): number {
  let repeated = 0;
  for (const count of bases.values()) if (count >= 3) repeated += count;
  return repeated / total;
}

function countBases(names: readonly string[], strip: (name: string) => string | null): Map<string, number> {
  const bases = new Map<string, number>();
  for (const name of names) {
    const base = strip(name);
    if (base !== null) bases.set(base, (bases.get(base) ?? 0) + 1);
  }
  return bases;
}

/**
 * True when the names of one class look like frames of time series or crops of few wells: a time mark (`t012`, `frame3`,
 * `24h`) that differs between otherwise equal names, or several prefixes that each carry a running number
 * (`A01_001`, `A01_002`, ..., `B02_001`, ...), in at least half of the images. One prefix for the whole class is mere numbering.
 *
 * @param ids image ids of one class
 */
export function looksLikeTimeSeries(ids: readonly string[]): boolean {
  const names = ids.map((id) => basename(id).replace(/(?<=.)\.[^.]*$/, ""));
  const byTime = countBases(names, (name) => (TIME_TOKEN.test(name) ? name.replace(TIME_TOKEN, "#") : null));
  if (largestShare(byTime, names.length) >= 0.5) return true;
  const byNumber = countBases(names, (name) => (/\d/.test(name) ? name.replace(/\d+(?=\D*$)/, "#") : null));
  return byNumber.size >= 2 && largestShare(byNumber, names.length) >= 0.5;
}
