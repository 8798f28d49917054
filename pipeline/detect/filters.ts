import * as kernels from "../../engine/generated/kernels.js";
import type { Device, Tensor } from "../../engine/index.js";
import { itemGrid } from "../../engine/stream.js";
import { emptyImage, type GreyImage } from "./image.js";
import { checkRadius } from "./options.js";

/** The filters of colony detection, each a WGSL kernel or a few. They make their outputs; the caller releases them. */

/** Local entropy in fixed point: `hi` and `lo` [h*w] u32 hold 4 integer and 60 fraction bits. */
export interface EntropyImage {
  readonly w: number;
  readonly h: number;
  readonly hi: Tensor;
  readonly lo: Tensor;
}

/** Entropy in bits of the upper word. */
export const entropyUnit = 2 ** -28;

/** Gaussian blur 3x3, rounded, as `cv2.GaussianBlur(image, (3, 3), 0)`. */
export function blur(device: Device, image: GreyImage): GreyImage {
  return perWord(device, image, "blurred", (bindings, params, grid, constants) =>
    device.run(kernels.blur3x3, bindings, params, grid, constants),
  );
}

/** Shannon entropy, bits, in a disk of `radius` px, as `skimage.filters.rank.entropy`. */
export function localEntropy(device: Device, image: GreyImage, radius: number): EntropyImage {
  checkRadius("the radius of the entropy", radius);
  const { w, h, words } = image;
  const [hi, lo] = ["entropy", "entropy, lower words"].map((label) => device.empty([w * h, 1], label, "u32")) as [
    Tensor,
    Tensor,
  ];
  const values = entropyTable(radius);
  const table = device.empty([values.length, 1], "entropy table", "u32");
  device.writeBytes(table, new Uint8Array(values.buffer));
  const span = Math.min(w, 128);
  const params = { w, h, words, span, spans: Math.ceil(w / span), entries: values.length / 6 };
  const { grid, constants } = itemGrid(device, params.spans * h);
  const disk = { R: radius, AREA: params.entries - 1 };
  device.run(kernels.localEntropy, { image: image.data, table, hi, lo }, params, grid, { ...constants, ...disk });
  device.release(table);
  return { w, h, hi, lo };
}

/** (hi, lo) pairs with 48 fraction bits: c log2 c for c = 0.., then log2 n for n = 0.., then the steps from c log2 c to the next. */
function entropyTable(radius: number): Uint32Array<ArrayBuffer> {
  let pixels = 0;
  for (let y = -radius; y <= radius; y++)
    for (let x = -radius; x <= radius; x++) if (x * x + y * y <= radius * radius) pixels++;
  const counts = Array.from({ length: pixels + 1 }, (_, c) => c);
  const fixed = (value: number) => BigInt(Math.round(value * 2 ** 48));
  const logarithm = (c: number) => (c === 0 ? 0 : Math.log2(c));
  const terms = counts.map((c) => fixed(c * logarithm(c)));
  const steps = terms.map((term, c) => (terms[c + 1] ?? term) - term);
  const values = [...terms, ...counts.map((n) => fixed(logarithm(n))), ...steps];
  return Uint32Array.from(values.flatMap((value) => [Number(value >> 32n), Number(value & 0xffffffffn)]));
}

/** round-half-even((e - min) / (max - min) * 255); a flat image becomes 0. */
export function rescale(device: Device, entropy: EntropyImage): GreyImage {
  const { w, h, hi, lo } = entropy;
  const count = w * h;
  const share = Math.max(1, Math.ceil(count / 1024));
  const shares = Math.ceil(count / share);
  const partials = device.empty([shares * 4, 1], "entropy extremes", "u32");
  const items = itemGrid(device, shares);
  device.run(kernels.entropyExtremes, { hi, lo, partials }, { count, shares, share }, items.grid, items.constants);
  const limits = device.empty([256 * 4, 1], "grey limits", "u32");
  device.run(kernels.rescaleTable, { partials, limits }, { shares }, [1, 1, 1]);
  const y = emptyImage(device, w, h, "rescaled entropy");
  const { grid, constants } = itemGrid(device, y.words * h);
  device.run(kernels.rescale, { hi, lo, limits, y: y.data }, { w, h, words: y.words }, grid, constants);
  device.release(partials);
  device.release(limits);
  return y;
}

/**
 * Erosion and dilation by a disk of `radius` px (pixels outside the image do not count): grey, and of masks binary opening.
 * @param values "mask": every pixel is 0 or 255, which is faster
 */
export function opening(device: Device, image: GreyImage, radius: number, values: "grey" | "mask" = "grey"): GreyImage {
  checkRadius("the radius of the opening", radius);
  const kernel = values === "mask" ? kernels.maskDisk : kernels.rankDisk;
  const pass = (from: GreyImage, label: string, DILATE: boolean) =>
    perWord(device, from, label, (bindings, params, grid, constants) =>
      device.run(kernel, bindings, params, grid, { ...constants, R: radius, DILATE }),
    );
  const eroded = pass(image, "eroded", false);
  const opened = pass(eroded, "opened", true);
  device.release(eroded.data);
  return opened;
}

/**
 * Otsu's threshold of the grey values as real numbers (256 bins from least to most).
 * @returns u32 [4]: first grey value above it (256: the image is flat), its bin, least and most value
 */
export function otsu(device: Device, image: GreyImage): Tensor {
  const { w, h, words, data } = image;
  const copies = Math.min(64, h);
  const counts = device.zeros([copies * 256, 1], "grey histogram", "u32");
  const { grid, constants } = itemGrid(device, h);
  device.run(kernels.greyHistogram, { image: data, counts }, { w, h, words, copies }, grid, constants);
  const out = device.empty([4, 1], "otsu", "u32");
  device.run(kernels.otsuThreshold, { counts, out }, { copies }, [1, 1, 1]);
  device.release(counts);
  return out;
}

/** Mask (0, 255) of the pixels above the threshold that `otsu` found. */
export function binarise(device: Device, image: GreyImage, threshold: Tensor): GreyImage {
  return perWord(device, image, "binary", (bindings, params, grid, constants) =>
    device.run(kernels.binarise, { ...bindings, otsu: threshold }, params, grid, constants),
  );
}

type WordParams = { w: number; h: number; words: number };

/** An image of the same size from one kernel with an invocation per word. */
function perWord(
  device: Device,
  image: GreyImage,
  label: string,
  run: (
    bindings: { image: Tensor; y: Tensor },
    params: WordParams,
    grid: readonly [number, number, number],
    constants: { WG: number },
  ) => void,
): GreyImage {
  const { w, h, words } = image;
  const y = emptyImage(device, w, h, label);
  const { grid, constants } = itemGrid(device, words * h);
  run({ image: image.data, y: y.data }, { w, h, words }, grid, constants);
  return y;
}
