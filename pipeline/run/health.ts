import { UserError } from "../../engine/index.js";
import type { TensorValues } from "./checkpoint.js";
import type { Phase } from "./phase.js";

/** The run cannot go on: a loss or a weight is NaN or infinite. @param lastGood where it can go on from, null: nowhere yet */
export function nonFiniteError(phase: Phase, step: number, what: string, lastGood: string | null): UserError {
  const rates = Object.entries(phase.rates(step)).map(([name, rate]) => `${name} ${rate.toPrecision(3)}`);
  const good = lastGood === null ? "There is no checkpoint yet" : `The last good checkpoint is ${lastGood}`;
  return new UserError(
    `${phase.title}: ${what} at step ${step + 1} of ${phase.length.totalSteps} (${rates.join(", ")}). ` +
      `${good}. Start again with a lower learning rate (--set).`,
  );
}

/** The first of the tensors that holds a NaN or an infinity, and the value. */
export function firstNonFinite(tensors: TensorValues): { name: string; value: number } | null {
  for (const [name, values] of tensors) {
    const value = values.find((v) => !Number.isFinite(v));
    if (value !== undefined) return { name, value };
  }
  return null;
}
