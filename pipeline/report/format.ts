/** Numbers and lengths of time as a page sets them. */
import { percent as plainPercent } from "../format.js";

export { duration } from "../format.js";

/** A share (0..1) in per cent with one decimal, which does not break; a dash for what cannot be computed. */
export function percent(share: number | null, digits = 1): string {
  return plainPercent(share, { digits, unknown: "–", space: "\u00a0" });
}

/** A share (0..1) in percentage points, without its unit. */
export function points(share: number): string {
  return (100 * share).toFixed(1);
}

/** A difference of shares in percentage points, with its sign. */
export function signed(difference: number): string {
  return `${difference < 0 ? "−" : "+"}${points(Math.abs(difference))}`;
}

/** A share with three decimals, as tables of metrics print it. */
export function decimal(value: number | null, digits = 3): string {
  return value === null ? "–" : value.toFixed(digits);
}

/** A count with thin spaces between thousands. */
export function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** A number on an axis: short, never in exponents for the sizes seen here. */
export function tick(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 10000) return `${Number((value / 1000).toPrecision(4))}k`;
  if (size >= 0.001) return String(Number(value.toPrecision(4)));
  return value
    .toExponential()
    .replace("e-", "·10⁻")
    .replace(/⁻(\d+)$/, (_, digits: string) => `⁻${superscript(digits)}`);
}

function superscript(digits: string): string {
  return [...digits].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(d)]).join("");
}
