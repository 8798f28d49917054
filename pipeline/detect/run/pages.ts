import { UserError } from "../../../engine/errors.js";
import type { PageMeta } from "../../images/index.js";

/** One image to look at: a page of a file, and what to add to the file's stem to name it. */
export interface ChosenPage {
  readonly index: number;
  readonly meta: PageMeta;
  /** Empty where the file holds no other. */
  readonly suffix: string;
}

export interface Choice {
  readonly pages: ChosenPage[];
  /** What was left out without having been asked for. */
  readonly warnings: string[];
}

/**
 * The pages of a file that are wells: those of one channel and, of a stack, the middle slice.
 * @param channel null: the first
 * @throws UserError if the file has no such channel
 */
export function choosePages(name: string, metas: readonly PageMeta[], channel: number | null): Choice {
  const warnings: string[] = [];
  const channels = distinct(metas.map((meta) => meta.channel ?? 0));
  const slices = distinct(metas.map((meta) => meta.z ?? 0));
  const wanted = channel ?? channels[0] ?? 0;
  if (!channels.includes(wanted)) {
    const some = channels.length > 1 ? `channels ${channels.join(", ")}` : `one channel, ${channels[0]}`;
    throw new UserError(`${name}: has ${some}; there is no channel ${wanted}`);
  }
  if (channel === null && channels.length > 1) {
    const names = channels.map((c) => metas.find((meta) => (meta.channel ?? 0) === c)?.channelName ?? "");
    const list = channels.map((c, i) => (names[i] ? `${c} (${names[i]})` : String(c))).join(", ");
    warnings.push(`${name}: has channels ${list}; ${wanted} is used; --channel chooses another`);
  }
  const z = slices[slices.length >> 1] ?? 0;
  if (slices.length > 1) warnings.push(`${name}: is a stack of ${slices.length} slices; slice ${z} is used`);
  const kept = metas
    .map((meta, index) => ({ meta, index }))
    .filter(({ meta }) => (meta.channel ?? 0) === wanted && (meta.z ?? 0) === z);
  return { pages: named(kept, channels.length > 1), warnings };
}

function distinct(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

function named(pages: readonly { meta: PageMeta; index: number }[], withChannel: boolean): ChosenPage[] {
  if (pages.length === 1) return pages.map((page) => ({ ...page, suffix: "" }));
  const manyWells = new Set(pages.map(({ meta }) => meta.well)).size > 1;
  const width = Math.max(...pages.map(({ meta }) => meta.time?.length ?? 0));
  const suffixes = pages.map(({ meta: { well, time, channel } }) => {
    const parts = [
      manyWells && well !== undefined ? `_${well}` : "",
      time === undefined ? "" : `_t${time.padStart(width, "0")}`,
      withChannel && channel !== undefined ? `_c${channel}` : "",
    ];
    return parts.join("");
  });
  const isUnique = new Set(suffixes).size === suffixes.length;
  return pages.map((page, i) => ({ ...page, suffix: isUnique ? suffixes[i]! : `${suffixes[i]}_p${page.index}` }));
}
