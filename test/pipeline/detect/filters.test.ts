import { describe, expect, test } from "vitest";
import type { Device, Tensor } from "../../../engine/index.js";
import { mulberry32 } from "../../../engine/rng.js";
import { fillHoles, Objects, removeSmall } from "../../../pipeline/detect/components.js";
import { binarise, blur, localEntropy, opening, otsu, rescale } from "../../../pipeline/detect/filters.js";
import { downloadImage, type GreyImage, uploadImage } from "../../../pipeline/detect/image.js";
import * as twin from "../../reference/detect.js";
import { testDevice } from "../../support/device.js";

/** Sizes that are no multiple of anything, down to one pixel. */
const sizes = [
  [1, 1],
  [1, 9],
  [13, 1],
  [5, 3],
  [37, 29],
  [130, 17],
] as const;

type Kind = "noise" | "steps" | "mask";

function image(w: number, h: number, kind: Kind, seed = w * 1000 + h): twin.Grey {
  const random = mulberry32(seed);
  const value = {
    noise: () => random() * 256,
    steps: () => 40 * Math.floor(random() * 4),
    mask: () => (random() < 0.55 ? 255 : 0),
  };
  return { w, h, data: Uint8Array.from({ length: w * h }, value[kind]) };
}

/** What a filter makes of an image; nothing may stay behind on the device. */
async function run(
  input: twin.Grey,
  filter: (device: Device, image: GreyImage) => GreyImage,
  workFor: "cpu" | "gpu" = "cpu",
): Promise<Uint8Array> {
  const device = await testDevice({ workFor });
  const live = device.memory.live;
  const source = uploadImage(device, input.data, input.w, input.h);
  const y = filter(device, source);
  const pixels = await downloadImage(device, y);
  const spare = new Uint8Array((await device.readWords(y.data)).buffer).filter((_, i) => i % (y.words * 4) >= y.w);
  expect(
    spare.every((value) => value === 0),
    "spare bytes of the rows",
  ).toBe(true);
  device.release(source.data);
  device.release(y.data);
  expect(device.memory.live).toBe(live);
  return pixels;
}

describe.each(["cpu", "gpu"] as const)("work cut for a %s", (workFor) => {
  test.each(sizes)("blur of %ix%i", async (w, h) => {
    const input = image(w, h, "noise");
    expect(await run(input, blur, workFor)).toEqual(twin.blurTwin(input).data);
  });

  test.each(sizes)("opening of %ix%i, grey and binary", async (w, h) => {
    for (const [kind, radius] of [
      ["noise", 1],
      ["noise", 3],
      ["noise", 4],
      ["mask", 2],
      ["steps", 6],
    ] as [Kind, number][]) {
      const input = image(w, h, kind);
      const got = await run(input, (device, source) => opening(device, source, radius), workFor);
      expect(got, `radius ${radius} on ${kind}`).toEqual(twin.openingTwin(input, radius).data);
    }
    for (const radius of [1, 2, 3, 4, 5, 6, 11]) {
      // Few pixels are off: something is left after the erosion by small disks.
      const random = mulberry32(w * 31 + h + radius);
      const input = {
        w,
        h,
        data: Uint8Array.from({ length: w * h }, () => (random() < 1 - 0.4 / radius ** 2 ? 255 : 0)),
      };
      const got = await run(input, (device, source) => opening(device, source, radius, "mask"), workFor);
      expect(got, `radius ${radius} as a mask`).toEqual(twin.openingTwin(input, radius).data);
    }
  });

  test.each(sizes)("hole filling and small objects of %ix%i", async (w, h) => {
    const input = image(w, h, "mask");
    expect(await run(input, fillHoles, workFor)).toEqual(twin.fillTwin(input).data);
    for (const least of [0, 2, 7, 40]) {
      const got = await run(input, (device, source) => removeSmall(device, source, least), workFor);
      expect(got, `least ${least}`).toEqual(twin.removeSmallTwin(input, least).data);
    }
  });

  test.each(sizes)("labels of %ix%i", async (w, h) => {
    const device = await testDevice({ workFor });
    for (const density of [0.2, 0.41, 0.6, 0.9]) {
      const random = mulberry32(w + h);
      const input = { w, h, data: Uint8Array.from({ length: w * h }, () => (random() < density ? 255 : 0)) };
      const source = uploadImage(device, input.data, w, h);
      const objects = Objects.of(device, source);
      const expected = twin.labelTwin(input, true);
      expect(await objects.count()).toBe(Math.max(...expected));
      expect(Int32Array.from(await objects.labels())).toEqual(expected);
      objects.dispose();
      device.release(source.data);
    }
  });
});

test.each(sizes)("entropy of %ix%i, also of radii that pass the image", async (w, h) => {
  const device = await testDevice();
  for (const [kind, radius] of [
    ["noise", 3],
    ["steps", 3],
    ["steps", 1],
    ["noise", 9],
  ] as [Kind, number][]) {
    const input = image(w, h, kind);
    const source = uploadImage(device, input.data, w, h);
    const entropy = localEntropy(device, source, radius);
    const [hi, lo] = [await device.readWords(entropy.hi), await device.readWords(entropy.lo)];
    const expected = twin.entropyTwin(input, radius);
    const worst = Math.max(
      ...expected.map((e, i) => Math.abs(e - (hi[i] as number) * 2 ** -28 - (lo[i] as number) * 2 ** -60)),
    );
    expect(worst, `radius ${radius} on ${kind}`).toBeLessThan(1e-13);
    const grey = rescale(device, entropy);
    const [least, most] = [Math.min(...expected), Math.max(...expected)];
    const scaled = expected.map((e) => (most - least > 1e-12 ? ((e - least) / (most - least)) * 255 : 0));
    const got = await downloadImage(device, grey);
    const off = got.findIndex((value, i) => Math.abs(value - (scaled[i] as number)) > 0.5 + 1e-9);
    expect(off, "pixel that is not its rounded entropy").toBe(-1);
    for (const tensor of [source.data, entropy.hi, entropy.lo, grey.data]) device.release(tensor);
  }
});

test("entropy of a flat image is exactly 0, at the borders too, and becomes grey value 0", async () => {
  const device = await testDevice();
  const source = uploadImage(device, new Uint8Array(33 * 21).fill(77), 33, 21);
  const entropy = localEntropy(device, source, 3);
  expect(new Set([...(await device.readWords(entropy.hi)), ...(await device.readWords(entropy.lo))])).toEqual(
    new Set([0]),
  );
  const grey = rescale(device, entropy);
  expect(new Set(await downloadImage(device, grey))).toEqual(new Set([0]));
  for (const tensor of [source.data, entropy.hi, entropy.lo, grey.data]) device.release(tensor);
});

describe("Otsu's threshold", () => {
  async function thresholdOf(input: twin.Grey): Promise<[number | null, Uint8Array]> {
    const device = await testDevice();
    const source = uploadImage(device, input.data, input.w, input.h);
    const threshold: Tensor = otsu(device, source);
    const mask = binarise(device, source, threshold);
    const [first = 0, bin = 0, least = 0, most = 0] = await device.readWords(threshold);
    const pixels = await downloadImage(device, mask);
    for (const tensor of [source.data, threshold, mask.data]) device.release(tensor);
    return [first > 255 ? null : least + ((bin + 0.5) * (most - least)) / 256, pixels];
  }

  test.each([
    ["noise", image(67, 41, "noise")],
    ["few values", image(40, 33, "steps")],
    ["two values next to each other", { w: 9, h: 5, data: Uint8Array.from({ length: 45 }, (_, i) => 100 + (i % 2)) }],
    ["one pixel off", { w: 50, h: 3, data: Uint8Array.from({ length: 150 }, (_, i) => (i === 77 ? 255 : 3)) }],
    ["a part of the range", { w: 64, h: 30, data: image(64, 30, "noise").data.map((v) => 90 + (v % 60)) }],
    [
      "equal splits",
      { w: 4, h: 4, data: Uint8Array.from([0, 0, 0, 0, 85, 85, 85, 85, 170, 170, 170, 170, 255, 255, 255, 255]) },
    ],
  ])("%s", async (_, input) => {
    const expected = twin.otsuTwin(input) as number;
    const [threshold, mask] = await thresholdOf(input);
    expect(threshold).toBe(expected);
    expect(mask).toEqual(input.data.map((v) => (v > expected ? 255 : 0)));
  });

  test("a flat image has none, and no foreground", async () => {
    const [threshold, mask] = await thresholdOf({ w: 7, h: 6, data: new Uint8Array(42).fill(200) });
    expect(threshold).toBeNull();
    expect(new Set(mask)).toEqual(new Set([0]));
  });
});
