import { expect, test } from "vitest";
import { pseudoQuality } from "../../../pipeline/imbalance/pseudoQuality.js";

const classes = ["a", "b", "c"];

test("precision and recall of each class, of all labels and of the confident ones", () => {
  const truth = [0, 0, 0, 0, 1, 1, 2, -1];
  const given = [0, 0, 0, 1, 1, 2, 2, 2];
  const sure = [1, 1, 0, 1, 1, 0, 0, 1];
  expect(pseudoQuality(classes, truth, given, sure)).toEqual({
    accuracy: 5 / 7,
    precision: [1, 1 / 2, 1 / 2],
    recall: [3 / 4, 1 / 2, 1],
    meanPrecision: 2 / 3,
    meanRecall: 3 / 4,
    minority: { class: "c", precision: 1 / 2, recall: 1 },
    confident: {
      share: 4 / 7,
      accuracy: 3 / 4,
      precision: [1, 1 / 2, null],
      recall: [1 / 2, 1 / 2, 0],
      meanPrecision: 3 / 4,
      meanRecall: 1 / 3,
      minority: { precision: null, recall: 0 },
    },
  });
});

test("a class that no image belongs to is never the rare one and has no recall", () => {
  const quality = pseudoQuality(classes, [0, 0, 1], [2, 0, 1], [0, 0, 0]);
  expect(quality?.minority).toEqual({ class: "b", precision: 1, recall: 1 });
  expect(quality?.recall).toEqual([1 / 2, 1, null]);
  expect(quality?.confident).toMatchObject({ share: 0, accuracy: null, meanPrecision: null, meanRecall: 0 });
});

test("says nothing where no true class is known", () => {
  expect(pseudoQuality(classes, [-1, -1], [0, 1], [1, 1])).toBeNull();
});
