/** Times of images, as `equipoise detect` finds them in file names, in hours. Needs no Node. */
import { UserError } from "../../engine/errors.js";

const kinds = {
  /** A frame number. */
  frame: /^(\d+(?:\.\d+)?)$/,
  /** Time since the start, as incubators write it: 00d12h30m. */
  elapsed: /^(\d+)d(\d\d)h(\d\d)m$/,
  /** Date and time: 2024y05m10d_12h00m, or 2024-05-10T12:00. */
  date: /^(\d{4})(?:y|-)(\d\d)(?:m|-)(\d\d)(?:d_|[T ])(\d\d)(?:h|:)(\d\d)(?:m|(?::\d\d(?:\.\d+)?)?Z?)$/,
} as const;

type Kind = keyof typeof kinds;

/**
 * Hours of texts that are all of one kind: frame numbers times `hoursPerFrame`, times since the start, or dates (hours since the
 * first of them).
 * @param place names the table in messages
 * @throws UserError for a text that is no time, or texts of two kinds
 */
export function toHours(texts: readonly string[], hoursPerFrame: number, place: string): number[] {
  const parsed = texts.map((text) => parse(text, place));
  const other = parsed.findIndex(({ kind }) => kind !== parsed[0]?.kind);
  if (other >= 0)
    throw new UserError(
      `${place}: time "${texts[0]}" and time "${texts[other]}" are written in two ways; make separate tables of them`,
    );
  const isDate = parsed[0]?.kind === "date";
  const first = isDate ? parsed.reduce((least, { value }) => Math.min(least, value), Number.POSITIVE_INFINITY) : 0;
  const unit = parsed[0]?.kind === "frame" ? hoursPerFrame : 1;
  return parsed.map(({ value }) => (value - first) * unit);
}

/** @returns a number of frames or hours */
function parse(text: string, place: string): { kind: Kind; value: number } {
  for (const kind of Object.keys(kinds) as Kind[]) {
    const match = kinds[kind].exec(text);
    if (!match) continue;
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = match.slice(1).map(Number);
    if (kind === "frame") return { kind, value: a };
    if (kind === "elapsed") return { kind, value: 24 * a + b + c / 60 };
    return { kind, value: Date.UTC(a, b - 1, c, d, e) / 3_600_000 };
  }
  throw new UserError(
    `${place}: time "${text}" is not understood; give a frame number (7), a time since the start (00d12h30m) or a date ` +
      `(2024y05m10d_12h00m)`,
  );
}

/** The middle of the stretch of `bin` hours that a time lies in, so that wells imaged minutes apart share a time point. */
export function binned(hours: number, bin: number | null): number {
  return bin === null ? hours : Number((Math.round(hours / bin) * bin).toPrecision(12));
}
