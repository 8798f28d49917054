import { beforeAll, describe, expect, test } from "vitest";
import { type Device, ShapeError, Tape, UserError } from "../../engine/index.js";
import { mulberry32, Rng } from "../../engine/rng.js";
import { Augmenter, type AugmenterOptions, drawViews, plainView, type View } from "../../pipeline/augment.js";
import { resolveConfig } from "../../pipeline/config/resolve.js";
import * as twin from "../reference/index.js";
import { type Nd, nd } from "../reference/index.js";
import { PoisonedTape } from "../support/checkOp.js";
import { testDevice } from "../support/device.js";
import { expectClose } from "../support/numeric.js";

/** The kernels against their f64 twins (which equal torchvision's formulas), one at a time and as the whole chain. */

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const paper = resolveConfig({ recipe: "paper" }).augment;
const code = resolveConfig({ recipe: "reference-code" }).augment;

const options = (size: number, changes: Partial<AugmenterOptions> = {}): AugmenterOptions => ({
  size,
  smallSize: null,
  maxViews: 8,
  augment: paper,
  normalize: false,
  ...changes,
});

/** Patches of structure and noise that use all of 0..255. */
function patchPixels(count: number, size: number): Uint8Array {
  const random = mulberry32(size);
  return Uint8Array.from({ length: count * size * size }, (_, k) => {
    const [row, column] = [Math.floor(k / size) % size, k % size];
    const wave = 0.5 + 0.3 * Math.sin(row / 5) + 0.3 * Math.cos((row + 2 * column) / 9);
    return Math.max(0, Math.min(255, Math.round(255 * (0.7 * wave + 0.5 * (random() - 0.4)))));
  });
}

/** The patch of each view in 0..1, as single precision holds it. */
function views(pixels: Uint8Array, size: number, source: readonly number[]): Nd {
  const area = size * size;
  const values = source.flatMap((patch) => Array.from(pixels.subarray(patch * area, (patch + 1) * area)));
  return nd(
    [source.length, size, size, 1],
    values.map((value) => Math.fround(value / 255)),
  );
}

/** Runs on a tape whose buffers hold NaN before; reads both scales and frees everything. */
async function augmented(
  config: AugmenterOptions,
  pixels: Uint8Array,
  source: readonly number[],
  parameters: readonly View[] | null,
): Promise<{ x: Float32Array; x2: Float32Array | null }> {
  const augmenter = new Augmenter(device, config);
  const tape = new PoisonedTape(device, false);
  try {
    const { x, x2 } = parameters
      ? augmenter.run(tape, pixels, source, parameters)
      : augmenter.plain(tape, pixels, source.length);
    expect(x.shape).toEqual([source.length, config.size, config.size, 1]);
    if (x2) expect(x2.shape).toEqual([source.length, config.smallSize, config.smallSize, 1]);
    return { x: await device.read(x), x2: x2 && (await device.read(x2)) };
  } finally {
    tape.dispose();
    augmenter.dispose();
  }
}

const change = (...list: Partial<View>[]): View[] => list.map((view) => ({ ...plainView, ...view }));
const column = <K extends keyof View>(list: readonly View[], key: K) => list.map((view) => view[key]);

/** All augmentations of the twins in the given order, on views [V,S,S,1]. */
function expected(x: Nd, list: readonly View[], { order, rotateMode }: AugmenterOptions["augment"]): Nd {
  const rotate = rotateMode === "nearest-zero" ? twin.rotateNearest : twin.rotateReflect;
  const steps = {
    flips: (y: Nd) =>
      twin.flipVertical(twin.flipHorizontal(y, column(list, "flipHorizontal")), column(list, "flipVertical")),
    rotate: (y: Nd) => rotate(y, column(list, "degrees")),
    brightness: (y: Nd) => twin.brightness(y, column(list, "brightness")),
    contrast: (y: Nd) => twin.contrast(y, column(list, "contrast")),
    blur: (y: Nd) =>
      twin.gaussianBlur(
        y,
        list.map((view) => view.blurSigma || null),
      ),
  };
  const names =
    order === "text"
      ? (["flips", "rotate", "contrast", "brightness", "blur"] as const)
      : (["brightness", "contrast", "blur", "rotate", "flips"] as const);
  return names.reduce((y, name) => steps[name](y), x);
}

/** A position of up to 224 px has an ulp of 1.5e-5, and neighbouring pixels differ by up to 1. */
const position = { atol: 6e-5 };
const rounding = { atol: 1e-6 };

describe("patches to floats", () => {
  test.each([2, 34, 62, 64])("every view shows its patch / 255, side %i", async (size) => {
    const pixels = patchPixels(3, size);
    const source = [2, 0, 0, 1, 2];
    const { x } = await augmented(options(size), pixels, source, change({}, {}, {}, {}, {}));
    expectClose(x, views(pixels, size, source).data, { atol: 1e-7 }, "views");
  });

  test("all 256 values, the first pixel in the low byte", async () => {
    const pixels = Uint8Array.from({ length: 256 }, (_, k) => k);
    const { x } = await augmented(options(16), pixels, [0], null);
    const greys = Array.from(pixels, (value) => value / 255);
    expectClose(x, greys, { atol: 1e-7 }, "patch");
    expect([x[0], x[255]]).toEqual([0, 1]);
  });

  test.each(["paper", "reference-code"] as const)("normalised after everything else (%s)", async (recipe) => {
    const size = 34;
    const augment = recipe === "paper" ? paper : code;
    const pixels = patchPixels(2, size);
    const list = change({ brightness: 1.5, contrast: 0.4, blurSigma: 1 }, { flipHorizontal: true });
    const normalize = (y: Nd) => y.data.map((value) => (value - 0.485) / 0.229);
    const x = views(pixels, size, [0, 1]);
    const run = await augmented(options(size, { augment, normalize: true }), pixels, [0, 1], list);
    expectClose(run.x, normalize(expected(x, list, augment)), { atol: 5e-6 }, "run");
    const plain = await augmented(options(size, { augment, normalize: true }), pixels, [0, 1], null);
    expectClose(plain.x, normalize(x), { atol: 5e-6 }, "plain");
  });
});

describe("each augmentation equals its twin", () => {
  const cases: [string, Partial<View>[], { atol: number }][] = [
    ["brightness", [{ brightness: 0.5 }, { brightness: 1.49 }, {}, { brightness: 0 }], rounding],
    ["contrast", [{ contrast: 0.25 }, { contrast: 1.75 }, {}, { contrast: 0 }], rounding],
    ["both", [{ brightness: 1.4, contrast: 1.6 }, { brightness: 0.6, contrast: 0.3 }, { brightness: 1.5 }], rounding],
    ["blur", [{ blurSigma: 0.1 }, { blurSigma: 2 }, {}, { blurSigma: 0.7 }], rounding],
    [
      "flips",
      [{ flipHorizontal: true }, { flipVertical: true }, {}, { flipHorizontal: true, flipVertical: true }],
      { atol: 1e-7 },
    ],
    ["rotation", [{ degrees: 31.7 }, { degrees: -100.2 }, {}, { degrees: 179 }], position],
    ["right angles", [{ degrees: 90 }, { degrees: -90 }, { degrees: 180 }, { degrees: -180 }], { atol: 1e-7 }],
    [
      "rotation and flips",
      [
        { degrees: 20, flipHorizontal: true },
        { degrees: 77, flipVertical: true },
      ],
      position,
    ],
  ];
  for (const order of ["text", "code"] as const) {
    for (const size of [2, 34, 62, 64]) {
      test.each(cases)(`%s, order ${order}, side ${size}`, async (_, changes, tolerance) => {
        const augment = { ...paper, order };
        const pixels = patchPixels(2, size);
        const list = change(...changes);
        const source = list.map((_, v) => v % 2);
        const { x } = await augmented(options(size, { augment }), pixels, source, list);
        expectClose(x, expected(views(pixels, size, source), list, augment).data, tolerance, order);
      });
    }
  }

  test.each(["text", "code"] as const)("rotation to the nearest pixel with black corners, order %s", async (order) => {
    const size = 62;
    const augment = { ...code, order };
    const pixels = patchPixels(1, size).map((value) => Math.max(value, 1));
    const list = change(
      { degrees: 45 },
      { degrees: -12.3, flipVertical: true },
      { degrees: 161, flipHorizontal: true },
    );
    const x = views(pixels, size, [0, 0, 0]);
    const got = (await augmented(options(size, { augment }), pixels, [0, 0, 0], list)).x;
    // A position just between two pixels may round either way: the twin turned by 1e-4 degrees (8e-5 px) shows both.
    const candidates = [0, -1e-4, 1e-4].map((turn) => {
      const turned = list.map((view) => ({ ...view, degrees: view.degrees + turn }));
      return expected(x, turned, augment).data;
    });
    const rank = Array.from(got, (value, k) => candidates.findIndex((y) => Math.abs(y[k]! - value) < 1e-6));
    expect(rank.filter((at) => at < 0)).toEqual([]);
    expect(rank.filter((at) => at > 0).length).toBeLessThan(0.001 * got.length);
    expect([got[0], got[size - 1], got[size * size - 1]]).toEqual([0, 0, 0]);
    expect(got[(size / 2) * size + size / 2]).toBeGreaterThan(0);
  });
});

describe("the chain", () => {
  test.each(["text", "code"] as const)("drawn views of both scales equal the twins, order %s", async (order) => {
    const [size, smallSize] = [128, 64];
    const augment = { ...paper, order };
    const always = {
      rotateProbability: 0.7,
      brightnessProbability: 0.7,
      contrastProbability: 0.7,
      blurProbability: 0.7,
    };
    const pixels = patchPixels(3, size);
    const source = [0, 1, 2, 2, 1, 0, 1];
    const list = drawViews(new Rng(3, "test"), { ...augment, ...always }, "unlabelled", source.length);
    const { x, x2 } = await augmented(options(size, { augment, smallSize }), pixels, source, list);
    const reference = expected(views(pixels, size, source), list, augment);
    // Contrast up to 1.75 and brightness up to 1.5 after the rotation enlarge its error.
    expectClose(x, reference.data, { atol: 3 * position.atol }, "big scale");
    const cropped = Array.from(x2!, (_, k) => {
      const [v, row, at] = [Math.floor(k / 4096), Math.floor(k / 64) % 64, k % 64];
      return x[(v * size + row + 32) * size + at + 32]!;
    });
    expect(x2).toEqual(Float32Array.from(cropped));
  });

  test("central crop with an odd margin leaves the extra pixel below and to the right", async () => {
    const pixels = patchPixels(1, 6);
    const { x, x2 } = await augmented(options(6, { smallSize: 3 }), pixels, [0], null);
    expect([...x2!]).toEqual([7, 8, 9, 13, 14, 15, 19, 20, 21].map((k) => x[k]));
  });

  test.each([
    ["paper", paper],
    ["reference-code", code],
  ])("a view with nothing drawn is bitwise the patch, whatever the others are (%s)", async (_, augment) => {
    const size = 34;
    const pixels = patchPixels(2, size);
    const busy: Partial<View> = { degrees: 12, brightness: 1.2, contrast: 0.7, blurSigma: 1, flipVertical: true };
    const plain = await augmented(options(size, { augment }), pixels, [0, 1], null);
    const { x } = await augmented(options(size, { augment }), pixels, [0, 0, 1], change({}, busy, {}));
    const area = size * size;
    expect(x.subarray(0, area)).toEqual(plain.x.subarray(0, area));
    expect(x.subarray(2 * area)).toEqual(plain.x.subarray(area));
    expect(x.subarray(area, 2 * area)).not.toEqual(plain.x.subarray(0, area));
  });

  test.each([paper, code])("bitwise repeatable, and a view does not depend on its neighbours", async (augment) => {
    const size = 62;
    const pixels = patchPixels(4, size);
    const source = [0, 1, 2, 3, 3, 2];
    const list = drawViews(new Rng(5, "test"), { ...augment, rotateProbability: 1 }, "unlabelled", source.length);
    const first = await augmented(options(size, { augment }), pixels, source, list);
    const again = await augmented(options(size, { augment }), pixels, source, list);
    expect(again.x).toEqual(first.x);
    const alone = await augmented(options(size, { augment }), pixels, [2], list.slice(5));
    expect(alone.x).toEqual(first.x.subarray(5 * size * size));
  });

  test("values stay in 0..1, and contrast and blur keep the mean of a mid-grey patch", async () => {
    const size = 64;
    const pixels = patchPixels(1, size).map((value) => 110 + (value >> 3));
    const list = change({ contrast: 1.5 }, { contrast: 0.2 }, { blurSigma: 2 }, { brightness: 1.5, contrast: 1.75 });
    const { x } = await augmented(options(size), pixels, [0, 0, 0, 0], list);
    expect(Math.min(...x)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...x)).toBeLessThanOrEqual(1);
    const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
    const patch = mean(pixels) / 255;
    for (const [v, bound] of [1e-6, 1e-6, 1e-3].entries()) {
      expect(Math.abs(mean(x.subarray(v * size * size, (v + 1) * size * size)) - patch)).toBeLessThan(bound);
    }
  });
});

describe("resources and errors", () => {
  test("a steady state allocates nothing", async () => {
    const augmenter = new Augmenter(device, options(34, { smallSize: 16, normalize: true }));
    const pixels = patchPixels(3, 34);
    const rng = new Rng(1, "test");
    const step = async () => {
      const tape = Tape.inference(device);
      augmenter.run(tape, pixels, [0, 1, 2, 1], drawViews(rng, paper, "unlabelled", 4));
      augmenter.plain(tape, pixels, 3);
      tape.dispose();
      await device.sync();
      const { live, created } = device.memory;
      const { pipelines, bindGroups, paramBlocks } = device.counters;
      return { live, created, pipelines, bindGroups, paramBlocks };
    };
    const before = device.memory.live;
    const first = await step();
    for (let i = 0; i < 20; i++) expect(await step()).toEqual(first);
    augmenter.dispose();
    expect(device.memory.live).toBeLessThan(before);
  });

  test.each([
    [options(63), /"patch.size" is 63.*multiple of 4.*use an even size, 62 or 64/],
    [options(64, { smallSize: 65 }), /"patch.smallSize" is 65.*1 to patch.size, 64/],
  ])("sizes that cannot work are refused", (config, message) => {
    expect(() => new Augmenter(device, config)).toThrow(UserError);
    expect(() => new Augmenter(device, config)).toThrow(message);
  });

  test("pixels, sources and views that do not fit together are refused", () => {
    const augmenter = new Augmenter(device, options(16, { maxViews: 2 }));
    const tape = Tape.inference(device);
    const pixels = patchPixels(2, 16);
    const attempt = (bytes: Uint8Array, source: number[], count: number) => () =>
      augmenter.run(tape, bytes, source, Array(count).fill(plainView));
    expect(attempt(pixels, [0, 1], 1)).toThrow(/1 views, but 2 sources/);
    expect(attempt(pixels, [0, 1, 0], 3)).toThrow(/3 views, expected 1 to 2/);
    expect(attempt(pixels, [0, 2], 2)).toThrow(/view 1 shows patch 2 of 2/);
    expect(attempt(pixels.subarray(1), [0, 1], 2)).toThrow(ShapeError);
    expect(attempt(patchPixels(3, 16), [0, 1], 2)).toThrow(/768 pixels are not 1 to 2 patches of 16x16/);
    augmenter.dispose();
  });
});
