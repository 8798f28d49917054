import { UserError } from "../../engine/errors.js";

export interface SplitOptions {
  /** `benchmark` hides labels to make U; `labelled` uses every label; `auto`: labelled when there are unlabelled images. */
  split?: "auto" | "benchmark" | "labelled";
  /** Number of folds of the benchmark split (10). */
  folds?: number;
  /** Which fold is T, from 0 (0). */
  fold?: number;
  /** Benchmark: L and validation together, as a fraction of all labelled images (0.1). */
  labelledFraction?: number;
  /** Labelled split: T as a fraction of the labelled images (0.1). */
  testFraction?: number;
  /** Validation as a fraction of L, at least one image per class (0.2). */
  validationFraction?: number;
  /** Multi-label images join U (false). */
  useMultiLabel?: boolean;
  /** `L+U`: L also gets the labelled images of U, with their labels; T and validation stay the same (`L`). */
  supervisedOn?: "L" | "L+U";
  seed: number;
}

export type SplitSettings = Required<SplitOptions>;

const DEFAULTS = {
  split: "auto",
  folds: 10,
  fold: 0,
  labelledFraction: 0.1,
  testFraction: 0.1,
  validationFraction: 0.2,
  useMultiLabel: false,
  supervisedOn: "L",
} as const;

function checkSettings({ folds, fold, labelledFraction, testFraction, validationFraction }: SplitSettings): void {
  const whole = (value: number, low: number, high: number) => Number.isInteger(value) && value >= low && value <= high;
  if (!whole(folds, 2, 1000)) throw new UserError(`folds is ${folds}; give a whole number from 2 to 1000`);
  if (!whole(fold, 0, folds - 1))
    throw new UserError(`fold is ${fold}; with ${folds} folds it goes from 0 to ${folds - 1}`);
  const fractions = { labelledFraction, testFraction, validationFraction };
  for (const [name, value] of Object.entries(fractions)) {
    const zero = name === "validationFraction" && value === 0;
    if (!(value > 0 || zero) || !(value <= 1))
      throw new UserError(`${name} is ${value}; give a fraction between 0 and 1`);
  }
}

/** The options with defaults filled in. @throws UserError naming an option out of range */
export function resolveSplitOptions(options: SplitOptions): SplitSettings {
  const settings: SplitSettings = { ...DEFAULTS, ...options };
  checkSettings(settings);
  return settings;
}
