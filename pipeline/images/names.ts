import { UserError } from "../../engine/errors.js";
import type { PageMeta } from "./types.js";

/**
 * A well (A1 to P24) that no letter or digit precedes, then, if there is one, a time: digits behind t, T, h, time or frame, or
 * an incubator's date or duration (2024y05m10d_12h00m, 00d12h30m).
 */
export const defaultPattern = String.raw`(?<![A-Za-z0-9])(?<well>[A-P]\d{1,2})(?!\d)(?:.*?(?<time>\d{4}y\d\dm\d\dd_\d\dh\d\dm|\d+d\d\dh\d\dm|(?<=(?:^|[^A-Za-z])(?:t|T|h|time|frame)_?)\d+(?!h\d)))?`;

/** Which well and when. */
export interface WellTime {
  readonly well: string;
  /** Empty: not known. */
  readonly time: string;
}

/** @throws UserError for a text that is no regular expression or names no group `well` */
export function parsePattern(text: string): RegExp {
  let pattern: RegExp;
  try {
    pattern = new RegExp(text, "u");
  } catch (error) {
    throw new UserError(`--pattern ${text}: is no regular expression (${(error as Error).message})`);
  }
  if (/\(\?<(well|time)>/.test(text)) return pattern;
  throw new UserError(`--pattern ${text}: name the part that is the well, and the time if there is one: (?<well>...)`);
}

/**
 * Well and time of a page. A pattern of the user's comes before what the file says about itself, the default pattern after it. The
 * file's name is tried first, then with its folder's; where nothing matches, the well is the stem and the time is empty.
 * @param path with / or \ between folders, without extension
 * @param pattern null: the default
 */
export function wellTime(path: string, pattern: RegExp | null, meta: PageMeta = {}): WellTime {
  const parts = path.split(/[/\\]/).filter((part) => part !== "");
  const stem = parts.at(-1) ?? path;
  const groups = groupsOf(pattern ?? defaultRegExp, stem, parts.slice(-2).join("/"));
  const own = { well: meta.well, time: meta.time };
  const [first, second] = pattern ? [groups, own] : [own, groups];
  return { well: first.well || second.well || stem, time: first.time || second.time || "" };
}

const defaultRegExp = parsePattern(defaultPattern);

function groupsOf(pattern: RegExp, ...texts: string[]): { well?: string | undefined; time?: string | undefined } {
  for (const text of texts) {
    const groups = pattern.exec(text)?.groups;
    if (groups) return groups;
  }
  return {};
}

/** The file's name without its extension, or both of them (`.ome.tif`); in it what file systems refuse is an underscore. */
export function stemOf(path: string): string {
  const name = path.replace(/^.*[/\\]/, "").replace(/(\.ome)?\.[^.]*$/i, "");
  return cleanStem(name);
}

/** A name that is legal for files and folders everywhere and not taken by the folders of a data set. */
export function cleanStem(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  const clean = name.replace(/[<>:"/\\|?*\u0000-\u001f]/g, "_").replace(/^\.+|[. ]+$/g, "_");
  return /^(images|masks|)$/i.test(clean) ? `${clean}_well` : clean;
}
