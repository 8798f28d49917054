import { describe, expect, test } from "vitest";
import {
  drawnFrequencies,
  frequencies,
  keepProbabilities,
  labelledPrior,
  labelShift,
  lossShift,
  mixture,
  movedTowards,
} from "../../../pipeline/imbalance/prior.js";

const close = (values: readonly number[], expected: readonly number[]) => {
  expect(values).toHaveLength(expected.length);
  for (const [c, value] of values.entries()) expect(value).toBeCloseTo(expected[c]!, 12);
};
const log = (values: readonly number[]) => values.map(Math.log);

describe("the prior of what is drawn", () => {
  test("is counts x weights: even under weights of 1/count, whatever the counts", () => {
    const counts = [900, 90, 10];
    const even = [1 / 3, 1 / 3, 1 / 3];
    close(
      drawnFrequencies(
        counts,
        counts.map((n) => 1 / n),
      ),
      even,
    );
    close(drawnFrequencies(counts, [1, 1, 1]), [0.9, 0.09, 0.01]);
    close(labelledPrior(counts, true), even);
    close(labelledPrior(counts, false), [0.9, 0.09, 0.01]);
    // A floor of 30 leaves the rarest class a third of its even share.
    close(
      drawnFrequencies(
        counts,
        counts.map((n) => 1 / Math.max(n, 30)),
      ),
      [3 / 7, 3 / 7, 1 / 7],
    );
  });

  test("is even where nothing is drawn, and leaves out classes that are not", () => {
    close(drawnFrequencies([0, 0], [1, 1]), [0.5, 0.5]);
    close(labelledPrior([4, 0, 2], true), [0.5, 0, 0.5]);
    close(frequencies([8, 0]), [0.9, 0.1]);
  });

  test("moves towards what is seen, and mixes by the weights of the losses", () => {
    close(movedTowards([0.5, 0.5], [0.9, 0.1], 0.75), [0.6, 0.4]);
    close(movedTowards([0.5, 0.5], [0.9, 0.1], 1), [0.5, 0.5]);
    close(mixture([0.5, 0.5], [0.9, 0.1], 1), [0.7, 0.3]);
    close(mixture([0.5, 0.5], [0.9, 0.1], 0), [0.5, 0.5]);
  });
});

describe("what is added to logits", () => {
  const b = [0.7, 0.2, 0.1];
  const r = [0.2, 0.2, 0.6];

  test("turns a posterior under one prior into that under another", () => {
    const likelihood = [0.3, 0.5, 0.9];
    const posterior = (prior: readonly number[]) => {
      const joint = likelihood.map((p, c) => p * prior[c]!);
      return joint.map((p) => p / joint.reduce((x, y) => x + y, 0));
    };
    const shifted = (rule: "debiased" | "posterior", left: number) => {
      // A network that has learnt under b, with a share `left` of the prior in its logits.
      const logits = likelihood.map((p, c) => Math.log(p) + left * Math.log(b[c]!));
      const shift = labelShift(rule, { labeller: b, labelled: r }, { strength: 1, left });
      const soft = logits.map((z, c) => Math.exp(z + shift[c]!));
      return soft.map((p) => p / soft.reduce((x, y) => x + y, 0));
    };
    for (const left of [1, 0.5, 0]) {
      close(shifted("debiased", left), posterior([1, 1, 1]));
      close(shifted("posterior", left), posterior(r));
    }
  });

  test("is nothing where labels are plain, and half of it at half the strength", () => {
    const options = { strength: 0.5, left: 1 };
    close(labelShift("plain", { labeller: b, labelled: r }, options), [0, 0, 0]);
    close(
      labelShift("debiased", { labeller: b, labelled: r }, options),
      log(b).map((value) => -value / 2),
    );
    close(
      lossShift(b, 2),
      log(b).map((value) => 2 * value),
    );
  });

  test("stays finite for a class that was never drawn", () => {
    const [, never] = lossShift([1, 0], 1);
    expect(never).toBeCloseTo(Math.log(0.005 / 1.005), 12);
  });
});

test("the balanced classifier keeps the rarest class always, others by their frequency; on U from 1 down to that", () => {
  close(keepProbabilities([0.8, 0.16, 0.04]), [0.05, 0.25, 1]);
  close(keepProbabilities([0.8, 0.16, 0.04], 0), [1, 1, 1]);
  close(keepProbabilities([0.8, 0.16, 0.04], 0.5), [0.525, 0.625, 1]);
  close(keepProbabilities([1 / 3, 1 / 3, 1 / 3]), [1, 1, 1]);
});
