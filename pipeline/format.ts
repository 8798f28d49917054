/** Shares and lengths of time as a reader wants them: one way for terminal, logs, reports and tables. */

export interface PercentStyle {
  /** Decimals; 1 by default. */
  digits?: number;
  /** What stands for a share that cannot be computed; a hyphen by default. */
  unknown?: string;
  /** What stands before the sign; a space by default. */
  space?: string;
}

/** A share (0..1) in per cent: 0.1234 is `12.3 %`. */
export function percent(share: number | null, { digits = 1, unknown = "-", space = " " }: PercentStyle = {}): string {
  return share === null ? unknown : `${(100 * share).toFixed(digits)}${space}%`;
}

const units: readonly (readonly [name: string, seconds: number])[] = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** Seconds that were measured, with at most two units: `45 s`, `3 min 20 s`, `2 h 5 min`, `1 d 3 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const first = units.findIndex(([, length]) => whole >= length);
  const [unit, length] = units[first] ?? ["s", 1];
  const rest = first < 0 ? undefined : units[first + 1];
  const lesser = rest === undefined ? 0 : Math.floor((whole % length) / rest[1]);
  return `${Math.floor(whole / length)} ${unit}${rest !== undefined && lesser > 0 ? ` ${lesser} ${rest[0]}` : ""}`;
}

/** Seconds that are a guess, with no more digits than it deserves: `3.2 s`, `45 s`, `12 min`, `2.5 h`. */
export function roughDuration(seconds: number): string {
  if (seconds < 90) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
