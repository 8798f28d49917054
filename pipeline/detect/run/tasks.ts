import { UserError } from "../../../engine/errors.js";
import { type Grey8, parsePattern, wellTime } from "../../images/index.js";
import type { Input } from "./inputs.js";
import type { Opened } from "./jobs.js";
import { type ChosenPage, choosePages } from "./pages.js";
import type { JobPort } from "./port.js";
import type { WellRecord } from "./record.js";
import { fileStems, StemBook } from "./stems.js";
import type { DetectRunOptions } from "./types.js";

/** An image of a file: where it comes from, which well it shows, and the name of its outputs. */
export interface Task {
  readonly input: Input;
  readonly sha256: string;
  readonly page: ChosenPage;
  readonly stem: string;
  readonly well: string;
  readonly time: string;
}

/** What the reader found next; `left` images are known to follow, files that are not open yet counted as one. */
export type Found = { readonly left: number } & (
  | { readonly kind: "image"; readonly task: Task; readonly grey: Grey8 }
  | { readonly kind: "unchanged"; readonly task: Task; readonly record: WellRecord }
  | { readonly kind: "failed"; readonly file: string; readonly message: string }
  | { readonly kind: "warnings"; readonly texts: readonly string[] }
);

/**
 * Opens file after file and reads what is new in them. A file that cannot be read is reported, and the next one is opened.
 * @param unchanged the record of an image that an earlier run did, from the same file with the same options; else null
 */
export async function* findImages(
  inputs: readonly Input[],
  port: JobPort,
  options: DetectRunOptions,
  records: Iterable<WellRecord>,
  unchanged: (task: Task) => WellRecord | null,
): AsyncGenerator<Found> {
  const pattern = options.pattern === null ? null : parsePattern(options.pattern);
  const stems = fileStems(inputs);
  const book = new StemBook(records);
  for (const [i, input] of inputs.entries()) {
    const after = inputs.length - i - 1;
    const opened = await attempt(() => openPages(port, input, options.channel));
    if ("message" in opened) {
      yield { kind: "failed", file: input.name, message: opened.message, left: after };
      continue;
    }
    const { pages, warnings, sha256 } = opened.value;
    if (warnings.length > 0) yield { kind: "warnings", texts: warnings, left: after + pages.length };
    for (const [p, page] of pages.entries()) {
      const left = after + pages.length - p - 1;
      const place = wellTime(input.name.replace(/(\.ome)?\.[^./\\]*$/i, ""), pattern, page.meta);
      const { suffix, index } = page;
      // The pattern tells no pages apart: without more, their wells are named as their outputs.
      const isStem = pages.length > 1 && page.meta.time === undefined && page.meta.well === undefined;
      const well = isStem ? place.well + suffix : place.well;
      const named = { path: input.path, page: index, stem: stems.get(input.path)!, suffix, well, time: place.time };
      const task = { input, sha256, page, stem: book.claim(named), well, time: place.time };
      const record = unchanged(task);
      if (record) {
        yield { kind: "unchanged", task, record, left };
        continue;
      }
      const grey = await attempt(() => port.read({ page: index, rule: options.bits16 }));
      if ("message" in grey) {
        const message = pages.length > 1 ? `${grey.message} (page ${index + 1})` : grey.message;
        yield { kind: "failed", file: input.name, message, left };
      } else yield { kind: "image", task, grey: grey.value, left };
    }
  }
}

async function openPages(port: JobPort, input: Input, channel: number | null) {
  const { sha256, metas }: Opened = await port.open({ path: input.path, name: input.name });
  return { sha256, ...choosePages(input.name, metas, channel) };
}

/** The value, or the message of a UserError; any other error is thrown. */
async function attempt<T>(work: () => Promise<T>): Promise<{ value: T } | { message: string }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof UserError) return { message: error.message };
    throw error;
  }
}

/** Runs a generator one value ahead of its use. */
export async function* oneAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = source.next();
  next.catch(() => undefined); // seen again when its turn comes
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = source.next();
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await next.catch(() => undefined);
    await source.return?.(undefined);
  }
}
