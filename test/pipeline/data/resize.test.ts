import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { resizeBilinear, resizeNearest } from "../../../pipeline/data/resize.js";

interface Case {
  from: [number, number];
  to: [number, number];
  image: number[];
  mask: number[];
  bilinear: number[];
  opencv: number[];
  nearest: number[];
}

const fixture = new URL("../../fixtures/resize.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(fixture, "utf8")) as { cases: Case[] };

describe.each(cases)("resize $from to $to", ({ from, to, image, mask, bilinear, opencv, nearest }) => {
  const [height, width] = from;
  const resized = resizeBilinear({ height, width, pixels: Uint8Array.from(image) }, to[0], to[1]);

  it("equals PyTorch's bilinear rounded to the nearest grey level", () => {
    expect([resized.height, resized.width, resized.pixels.length]).toEqual([...to, to[0] * to[1]]);
    // 1e-5 leaves exact halves open and covers the fixture's six decimals.
    for (const [i, value] of bilinear.entries()) expect(Math.abs(resized.pixels[i]! - value)).toBeLessThan(0.5 + 1e-5);
  });

  it("is within one grey level of OpenCV", () => {
    for (const [i, value] of opencv.entries()) expect(Math.abs(resized.pixels[i]! - value)).toBeLessThanOrEqual(1);
  });

  it("takes a mask's nearest pixel as PyTorch does", () => {
    const small = { height, width, pixels: Uint8Array.from(mask) };
    expect([...resizeNearest(small, to[0], to[1]).pixels]).toEqual(nearest);
  });
});

describe("resize", () => {
  it("leaves an image of the wanted size as it is", () => {
    const image = { height: 2, width: 3, pixels: Uint8Array.of(1, 2, 3, 4, 5, 255) };
    expect(resizeBilinear(image, 2, 3)).toEqual(image);
    expect(resizeNearest(image, 2, 3)).toEqual(image);
  });

  it("refuses a size that is not made of positive integers", () => {
    const image = { height: 1, width: 1, pixels: Uint8Array.of(1) };
    for (const bad of [0, 1.5, -2]) expect(() => resizeBilinear(image, bad, 3)).toThrow(/resize: the size 3 x/);
  });
});
