import { expect, it } from "vitest";
import { labelQuality } from "../../../pipeline/report/labelQuality.js";
import type { EpochLine, LabelQuality } from "../../../pipeline/report/metricsFile.js";

function epoch(n: number, quality: Partial<LabelQuality> | null): EpochLine {
  const none = { seconds: null, loss: null, teacherLoss: null, balancedAccuracy: null, interval: null };
  const counts = { pseudoCounts: [8, 0], pseudoTrueCounts: [6, 2], samplingWeights: null, neverPredicted: [] };
  const figures = { accuracy: 0.75, meanPrecision: 0.75, meanRecall: 0.5, confident: null, rarest: "b" };
  const pseudoQuality = quality && { ...figures, precision: [0.75, null], recall: [1, 0], ...quality };
  return { epoch: n, validationLoss: null, ...none, ...counts, pseudoQuality };
}
const text = (epochs: EpochLine[], classes = ["a", "b"]) => labelQuality(epochs, classes, "teacher")?.markup ?? null;

it("is left out where the truth of no image is known, or is of other classes", () => {
  expect(text([epoch(1, null)])).toBeNull();
  expect(text([epoch(1, {})], ["a", "b", "c"])).toBeNull();
});

it("says that the rarest class was never given, and writes a dash", () => {
  const markup = text([epoch(1, {}), epoch(2, {})]);
  expect(markup).toContain("In epoch 2 the teacher called no patch b, the rarest class");
  expect(markup).toContain('<th scope="row">b</th><td>2</td><td>0</td><td>–</td><td>0.0\u00a0%</td></tr>');
  expect(markup).not.toContain("onfident");
});

it.each([
  [1, "was right in 100\u00a0% of all cases: hardly one of them is something else, and 50\u00a0% of the true b"],
  [0.99, "of 100 patches that the teacher calls so, about 1 is something else"],
  [0.25, "of 100 patches that the teacher calls so, about 75 are something else"],
])("puts a precision of %d into words", (precision, words) => {
  expect(text([epoch(1, { precision: [1, precision], recall: [1, 0.5] })])).toContain(words);
});

it("tells how many labels are confident, and how many of them are right", () => {
  const figures = { precision: [null, null], recall: [0, 0], meanPrecision: null, meanRecall: 0 };
  const of = (share: number, accuracy: number | null) =>
    text([epoch(1, { confident: { share, accuracy, ...figures } })]);
  expect(of(0.4, 0.9)).toContain("40.0\u00a0% of all, of which 90.0\u00a0% are right");
  expect(of(0, null)).toContain("threshold of the configuration: none does.");
});

it("maps many classes", () => {
  const classes = Array.from({ length: 20 }, (_, c) => `class ${c}`);
  const values = classes.map((_, c) => (c === 3 ? null : c / 20));
  const markup = text([epoch(1, { precision: values, recall: values, rarest: "class 7" })], classes);
  expect(markup).toContain("100 % precision");
  expect(markup).toContain("a pseudo-label “class 7”");
});
