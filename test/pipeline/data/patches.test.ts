import { describe, expect, it } from "vitest";
import { Rng } from "../../../engine/rng.js";
import {
  adjacentPatch,
  centralCrop,
  croppedSize,
  cutPatch,
  distance,
  drawPatch,
  type Foreground,
  foregroundIn,
  integralImage,
  testPatches,
} from "../../../pipeline/data/patches.js";

/** A mask that is 1 where `inside` says so. */
function maskOf(
  height: number,
  width: number,
  inside: (y: number, x: number) => boolean,
): Foreground & { mask: Uint8Array } {
  const mask = Uint8Array.from({ length: height * width }, (_, i) =>
    inside(Math.floor(i / width), i % width) ? 1 : 0,
  );
  return { height, width, mask, integral: integralImage(mask, height, width) };
}

describe("integralImage", () => {
  it("gives the same count as adding up the pixels", () => {
    const rng = new Rng(1, "mask");
    const image = maskOf(17, 23, () => rng.uniform() < 0.4);
    for (let i = 0; i < 200; i++) {
      const [y, x] = [rng.int(17), rng.int(23)];
      const [h, w] = [1 + rng.int(17 - y), 1 + rng.int(23 - x)];
      let sum = 0;
      for (let r = y; r < y + h; r++) for (let c = x; c < x + w; c++) sum += image.mask[r * 23 + c]!;
      expect(foregroundIn(image, y, x, h, w)).toBe(sum);
    }
  });
});

describe("croppedSize", () => {
  it("enlarges until the short side equals the patch and never shrinks", () => {
    expect(croppedSize(55, 85, 128)).toEqual({ height: 128, width: 198 });
    expect(croppedSize(85, 55, 128)).toEqual({ height: 198, width: 128 });
    expect(croppedSize(128, 1298, 128)).toEqual({ height: 128, width: 1298 });
    expect(croppedSize(771, 1298, 128)).toEqual({ height: 771, width: 1298 });
  });
});

describe("drawPatch", () => {
  it("reaches every position equally often without a mask", () => {
    const rng = new Rng(2, "draw");
    const counts = new Map<string, number>();
    for (let i = 0; i < 12000; i++) {
      const { y, x } = drawPatch({ height: 10, width: 11, integral: null }, 8, 0.25, rng);
      counts.set(`${y},${x}`, (counts.get(`${y},${x}`) ?? 0) + 1);
    }
    expect(counts.size).toBe(3 * 4);
    const chi2 = [...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(chi2).toBeLessThan(33.2); // 11 degrees of freedom, 99.95 %
  });

  // A colony in the left 16 of 64 columns: a 16 px patch holds 25 % foreground up to x = 12, so 13 of 49 positions do.
  const colony = maskOf(16, 64, (_, x) => x < 16);

  it("keeps the second of two draws, so that the share of good patches is 1 - (1 - p)^2", () => {
    const rng = new Rng(3, "draw");
    let good = 0;
    for (let i = 0; i < 20000; i++) if (drawPatch(colony, 16, 0.25, rng).x <= 12) good++;
    const p = 1 - (36 / 49) ** 2;
    expect(Math.abs(good / 20000 - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 20000));
  });

  it("takes exactly one draw when the first is good or the mask is too small for any to be", () => {
    const words = (image: Foreground, seed: number) => {
      const rng = new Rng(seed, "draw");
      const { x } = drawPatch(image, 16, 0.25, rng);
      return { x, words: rng.state().offset };
    };
    for (let seed = 0; seed < 50; seed++) {
      const first = new Rng(seed, "draw");
      first.nextU32();
      const goodAtOnce = first.int(49) <= 12;
      expect(words(colony, seed).words).toBe(goodAtOnce ? 2 : 4);
      // 64 = 25 % of 256 pixels: not more than a patch needs.
      expect(
        words(
          maskOf(16, 64, (y, x) => x < 8 && y < 8),
          seed,
        ).words,
      ).toBe(2);
    }
  });

  it("counts foreground of exactly the least share as enough", () => {
    const half = maskOf(4, 4, (y) => y < 2);
    const rng = new Rng(1, "draw");
    drawPatch(half, 4, 0.5, rng);
    expect(rng.state().offset).toBe(2);
  });

  it("refuses a patch that does not fit", () => {
    expect(() => drawPatch({ height: 10, width: 7, integral: null }, 8, 0.25, new Rng(1, 1))).toThrow(
      /side 8 does not fit an image of 7 x 10 px/,
    );
  });
});

describe("test patches", () => {
  it("are one central crop", () => {
    expect(centralCrop(11, 8, 8)).toEqual({ y: 1, x: 0 });
    expect(testPatches({ height: 11, width: 20, integral: null }, 8, 1)).toEqual([{ y: 1, x: 6 }]);
  });

  it.each([2, 3, 4, 5, 9, 16])("are %d different patches that cover a large image", (count) => {
    const patches = testPatches({ height: 100, width: 200, integral: null }, 32, count);
    expect(patches.length).toBe(count);
    expect(new Set(patches.map(({ y, x }) => `${y},${x}`)).size).toBe(count);
    for (const { y, x } of patches) expect(y >= 0 && x >= 0 && y <= 68 && x <= 168).toBe(true);
  });

  it("prefer foreground", () => {
    const image = maskOf(64, 64, (y, x) => y >= 32 && x >= 32);
    expect(testPatches(image, 32, 4)).toEqual(
      expect.arrayContaining([
        { y: 32, x: 32 },
        { y: 0, x: 32 },
        { y: 32, x: 0 },
        { y: 0, x: 0 },
      ]),
    );
    expect(testPatches(image, 32, 3)[0]).toEqual({ y: 32, x: 32 });
  });

  it("repeat the only patch of an image of patch size", () => {
    expect(testPatches({ height: 32, width: 32, integral: null }, 32, 3)).toEqual(new Array(3).fill({ y: 0, x: 0 }));
  });
});

describe("cutPatch", () => {
  it("copies rows to the offset and nothing else", () => {
    const pixels = Uint8Array.from({ length: 20 }, (_, i) => i);
    const out = new Uint8Array(6).fill(99);
    cutPatch(pixels, 5, { y: 1, x: 2 }, 2, out, 1);
    expect([...out]).toEqual([99, 7, 8, 12, 13, 99]);
  });
});

describe("adjacentPatch", () => {
  const size = 8;
  const plain = (height: number, width: number): Foreground => ({ height, width, integral: null });
  const from = (image: Foreground, corner: { y: number; x: number }, least = 0.25) => {
    const rng = new Rng(5, "beside");
    return Array.from({ length: 200 }, () => adjacentPatch(image, corner, size, least, rng));
  };
  const places = (found: { y: number; x: number }[]) => new Set(found.map(({ y, x }) => `${y},${x}`));

  it("is one side away, in each direction about equally often, where all four fit", () => {
    const found = from(plain(40, 40), { y: 16, x: 15 });
    expect(places(found)).toEqual(new Set(["8,15", "24,15", "16,7", "16,23"]));
    for (const place of places(found))
      expect(found.filter(({ y, x }) => `${y},${x}` === place).length).toBeGreaterThan(25);
  });

  it("is where a whole side fits, else as far away as the image goes", () => {
    expect(places(from(plain(40, 8), { y: 3, x: 0 }))).toEqual(new Set(["11,0"]));
    expect(places(from(plain(13, 11), { y: 4, x: 1 }))).toEqual(new Set(["0,1"]));
    expect(places(from(plain(12, 12), { y: 2, x: 2 }))).toEqual(new Set(["0,2", "4,2", "2,0", "2,4"]));
  });

  it("is the same patch in an image of its size", () => {
    expect(places(from(plain(8, 8), { y: 0, x: 0 }))).toEqual(new Set(["0,0"]));
  });

  it("has enough foreground; where no side has, it is the same patch", () => {
    const left = maskOf(24, 24, (_, x) => x < 12);
    // To the right there is none left: (8, 16) lies outside the mask.
    expect(places(from(left, { y: 8, x: 8 }))).toEqual(new Set(["0,8", "16,8", "8,0"]));
    const island = maskOf(40, 40, (y, x) => y >= 16 && y < 24 && x >= 16 && x < 24);
    expect(places(from(island, { y: 16, x: 16 }))).toEqual(new Set(["16,16"]));
    // A mask below what a patch needs allows any crop.
    const dot = maskOf(40, 40, (y, x) => y === 20 && x === 20);
    expect(places(from(dot, { y: 16, x: 16 }))).toEqual(new Set(["8,16", "24,16", "16,8", "16,24"]));
  });

  it("refuses a patch that does not fit, and measures along both axes", () => {
    expect(() => adjacentPatch(plain(7, 20), { y: 0, x: 0 }, size, 0.25, new Rng(1, "x"))).toThrow(RangeError);
    expect(distance({ y: 3, x: 9 }, { y: 5, x: 4 })).toBe(7);
  });
});
