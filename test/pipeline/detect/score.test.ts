import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeGrey } from "../../../pipeline/data/png.js";
import { scoreMask, totalScore } from "../../../pipeline/detect/score.js";
import { scoreFolder } from "../../../pipeline/detect/scoreFolder.js";

const [w, h] = [40, 30];
type Rectangle = readonly [row: number, column: number, height: number, width: number, value: number];

function image(...rectangles: Rectangle[]): Uint8Array {
  const pixels = new Uint8Array(w * h);
  for (const [row, column, height, width, value] of rectangles)
    for (let y = row; y < row + height; y++) pixels.fill(value, y * w + column, y * w + column + width);
  return pixels;
}

const options = { minSize: 20, iou: 0.5 };

describe("scoreMask", () => {
  test("perfect, shifted, missed and invented objects", () => {
    const truth = image([1, 1, 5, 8, 1], [10, 1, 4, 6, 2], [20, 1, 5, 5, 3]);
    // 1 exactly; 2 one column off: 20 of 28 px shared; 3 missed; one more where nothing is.
    const mask = image([1, 1, 5, 8, 255], [10, 2, 4, 6, 255], [20, 20, 6, 6, 255]);
    const score = scoreMask(truth, mask, w, options);
    expect(score).toMatchObject({
      truth: 3,
      detected: 3,
      merged: 0,
      small: 0,
      intersection: 60,
      union: 40 + 28 + 25 + 36,
    });
    expect(score.ious).toEqual([1, 20 / 28]);
    expect([...score.found]).toEqual([
      [1, { truth: 1, matched: 1 }],
      [2, { truth: 1, matched: 1 }],
      [3, { truth: 1, matched: 0 }],
    ]);
    const total = totalScore([score, scoreMask(image(), image(), w, options)]);
    expect(total).toMatchObject({
      images: 2,
      matched: 2,
      recall: 2 / 3,
      precision: 2 / 3,
      objectIou: (1 + 20 / 28) / 2,
    });
    expect(total.maskIou).toBe((60 / 129 + 1) / 2);
  });

  test("an overlap of exactly one half counts, a little less does not", () => {
    const truth = image([2, 2, 4, 10, 7]);
    expect(scoreMask(truth, image([2, 2, 4, 5, 255]), w, options).ious).toEqual([0.5]);
    expect(scoreMask(truth, image([2, 2, 4, 5, 255], [6, 6, 1, 1, 255]), w, options).ious).toEqual([]);
  });

  test("one to one: two halves of an object are not two hits, touching colonies found as one are merged", () => {
    const halves = scoreMask(image([2, 2, 4, 20, 1]), image([2, 2, 4, 9, 255], [2, 12, 4, 10, 255]), w, options);
    expect(halves).toMatchObject({ truth: 1, detected: 2, ious: [0.5] });
    const merged = scoreMask(image([2, 2, 6, 6, 1], [2, 8, 6, 6, 2]), image([2, 2, 6, 12, 255]), w, options);
    expect(merged).toMatchObject({ truth: 2, detected: 1, ious: [0.5], merged: 1 });
    const three = image([2, 2, 6, 6, 1], [2, 8, 6, 6, 2], [2, 14, 6, 6, 3]);
    expect(scoreMask(three, image([2, 2, 6, 18, 255]), w, options)).toMatchObject({ ious: [], merged: 3, detected: 1 });
  });

  test("true pieces below the least size are neither missed nor wrong when found", () => {
    const truth = image([1, 1, 5, 8, 1], [20, 20, 3, 3, 2]);
    const found = scoreMask(truth, image([1, 1, 5, 8, 255], [20, 20, 3, 4, 255]), w, options);
    expect(found).toMatchObject({ truth: 1, detected: 1, small: 1, ious: [1] });
    const strange = scoreMask(truth, image([1, 1, 5, 8, 255], [20, 20, 9, 9, 255]), w, options);
    expect(strange).toMatchObject({ detected: 2 });
  });

  test("pieces that touch at a corner are one object, rows do not wrap around", () => {
    const mask = image([2, 2, 3, 3, 255], [5, 5, 3, 3, 255]);
    expect(scoreMask(image(), mask, w, options).detected).toBe(1);
    expect(scoreMask(image(), image([2, 38, 3, 2, 255], [3, 0, 3, 2, 255]), w, options).detected).toBe(2);
  });
});

describe("scoreFolder", () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "score-test-"));
    mkdirSync(join(root, "truth"));
    mkdirSync(join(root, "out", "A01_t07"), { recursive: true });
    const put = (path: string, pixels: Uint8Array) =>
      writeFileSync(join(root, path), encodeGrey({ width: w, height: h, pixels }));
    put("truth/A01_t07.png", image([1, 1, 5, 8, 1], [20, 1, 5, 5, 3]));
    put("truth/A01_t08.png", image());
    put("out/A01_t07/mask.png", image([1, 1, 5, 8, 255]));
    writeFileSync(join(root, "truth/colonies.csv"), "well,time,colony,class\nA01,7,1,Dense\nA01,7,3,Diff\n");
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("reads masks and classes, lists what was not detected", () => {
    const score = scoreFolder(join(root, "out"), join(root, "truth"), { minSize: 20 });
    expect(score).toMatchObject({ images: 1, recall: 0.5, precision: 1, missing: ["A01_t08"], iou: 0.5 });
    expect(score.classes).toEqual({
      Dense: { truth: 1, matched: 1, recall: 1 },
      Diff: { truth: 1, matched: 0, recall: 0 },
    });
  });

  test("folders that hold no masks are refused by name", () => {
    expect(() => scoreFolder(root, join(root, "truth"))).toThrow(/has no mask of any image .* A01_t07\/mask.png/);
    expect(() => scoreFolder(root, join(root, "nothing"))).toThrow("nothing is no folder");
    writeFileSync(join(root, "truth/B01_t00.png"), encodeGrey({ width: 3, height: 2, pixels: new Uint8Array(6) }));
    mkdirSync(join(root, "out/B01_t00"));
    writeFileSync(join(root, "out/B01_t00/mask.png"), encodeGrey({ width: 2, height: 3, pixels: new Uint8Array(6) }));
    expect(() => scoreFolder(join(root, "out"), join(root, "truth"))).toThrow(/2 x 3 px, but .*B01_t00.png is 3 x 2/);
  });
});
