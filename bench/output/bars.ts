import type { SuiteResult } from "../run/suite.js";
import { milliseconds } from "./table.js";

const width = 40;
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Bars of the best times, one group per case with several engines or of one kind; each group has its own scale. */
export function barChart({ results }: SuiteResult): string {
  const groups = results.flatMap(({ benchCase, outcomes }) => {
    const bars = outcomes.flatMap(({ engine, record }) => (record ? [{ label: engine, ms: record.bestMs }] : []));
    return bars.length > 1 ? [group(`${benchCase.name}: ${benchCase.title}, best ms`, bars)] : [];
  });
  const curve = batchCurve(results.map(({ outcomes }) => outcomes[0]?.record).filter((record) => record !== undefined));
  return [...groups, ...curve].join("\n\n");
}

interface Bar {
  readonly label: string;
  readonly ms: number;
}

/** A shorter bar is faster. */
function group(title: string, bars: readonly Bar[]): string {
  const longest = Math.max(...bars.map(({ ms }) => ms));
  const label = Math.max(...bars.map((b) => b.label.length));
  const lines = bars.map(({ label: name, ms }) => `  ${name.padEnd(label)} ${bar(ms / longest)} ${milliseconds(ms)}`);
  return [title, ...lines].join("\n");
}

/** @param share 0 to 1 of the full width, to an eighth of a character */
export function bar(share: number): string {
  const units = Math.max(1, Math.round(share * width * 8));
  return "█".repeat(Math.floor(units / 8)) + eighths[units % 8];
}

/** Cost per image over the batch size: equal bars mean that cost grows as the batch does. */
function batchCurve(records: readonly { readonly case: string; readonly bestMs: number }[]): string[] {
  const bars = records.flatMap(({ case: name, bestMs }) => {
    const n = Number(/^step-batch-(\d+)$/.exec(name)?.[1]);
    return n > 0 ? [{ label: `batch ${n}`, ms: bestMs / n }] : [];
  });
  return bars.length > 1 ? [group("training step by batch size, best ms per image", bars)] : [];
}
