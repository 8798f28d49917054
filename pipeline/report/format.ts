/** Numbers and lengths of time as a reader wants them. */

/** A share (0..1) in per cent with one decimal; a dash for what cannot be computed. */
export function percent(share: number | null, digits = 1): string {
  return share === null ? "–" : `${(100 * share).toFixed(digits)}\u00a0%`;
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

/** Seconds as "3 h 20 min", "4 min 5 s" or "12 s". */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
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
