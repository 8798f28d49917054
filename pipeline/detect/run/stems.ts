import { basename, dirname, extname } from "node:path";
import { cleanStem, stemOf } from "../../images/index.js";
import type { Input } from "./inputs.js";
import type { WellRecord } from "./record.js";

/** Names under which the outputs of an image are kept: the file's stem, or more of its path where that is taken. */

/** The stem with the names of `depth` folders above it, and the extension if wished. */
function longName(path: string, depth: number, withExtension: boolean): string {
  const parts = [stemOf(path)];
  for (let i = 0, folder = dirname(path); i < depth; i++, folder = dirname(folder)) parts.unshift(basename(folder));
  const extension = withExtension ? `_${extname(path).slice(1)}` : "";
  return cleanStem(parts.filter((part) => part !== "").join("_") + extension);
}

const ways: readonly [depth: number, withExtension: boolean][] = [
  [0, false],
  [1, false],
  [2, false],
  [0, true],
  [3, false],
  [3, true],
];

/** One name per file, by its path; no two differ only in capitals. */
export function fileStems(inputs: readonly Input[]): Map<string, string> {
  const groups = groupBy(inputs, ({ path }) => stemOf(path).toLowerCase());
  const stems = new Map<string, string>();
  for (const group of groups.values()) {
    const named = ways.map(([depth, extension]) => group.map(({ path }) => longName(path, depth, extension)));
    const names = named.find((some) => new Set(some.map((name) => name.toLowerCase())).size === some.length);
    for (const [i, { path }] of group.entries()) stems.set(path, names?.[i] ?? `${stemOf(path)}_${i + 1}`);
  }
  return stems;
}

function groupBy<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(key(value), [...(groups.get(key(value)) ?? []), value]);
  return groups;
}

export interface Wanted {
  readonly path: string;
  readonly page: number;
  /** The file's stem and the page's suffix. */
  readonly stem: string;
  readonly suffix: string;
  readonly well: string;
  readonly time: string;
}

/** Gives out stems; an image that DIR knows keeps its own. */
export class StemBook {
  private readonly taken = new Set<string>();
  private readonly owners: Map<string, WellRecord>;
  private readonly byPage: Map<string, WellRecord>;

  constructor(records: Iterable<WellRecord>) {
    const all = [...records];
    this.owners = new Map(all.map((record) => [record.stem.toLowerCase(), record]));
    this.byPage = new Map(all.map((record) => [`${record.page} ${record.path}`, record]));
  }

  claim(wanted: Wanted): string {
    const known = this.byPage.get(`${wanted.page} ${wanted.path}`)?.stem;
    const candidates = [known, wanted.stem + wanted.suffix, longName(wanted.path, 1, false) + wanted.suffix];
    const free = candidates.find((stem) => stem !== undefined && this.isFree(stem, wanted));
    let stem = free ?? candidates[1]!;
    for (let i = 2; !this.isFree(stem, wanted); i++) stem = `${candidates[1]}_${i}`;
    this.taken.add(stem.toLowerCase());
    return stem;
  }

  /** A stem of another well or time stays with it; one of the same is replaced. */
  private isFree(stem: string, { path, well, time }: Wanted): boolean {
    const owner = this.owners.get(stem.toLowerCase());
    const isOurs = !owner || owner.path === path || (owner.well === well && owner.time === time);
    return isOurs && !this.taken.has(stem.toLowerCase());
  }
}
