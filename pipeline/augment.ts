import type { Device } from "../engine/device.js";
import { ShapeError, UserError } from "../engine/errors.js";
import * as kernels from "../engine/generated/kernels.js";
import type { Rng } from "../engine/rng.js";
import { fold, itemGrid, vec4Count } from "../engine/stream.js";
import type { Tape } from "../engine/tape.js";
import type { Tensor } from "../engine/tensor.js";
import type { Config } from "./config/schema.js";

/**
 * Random views of patches, made on the GPU from u8 pixels. Which changes, in which order and with which probability: the
 * article, "Dataset augmentations" (order "text"), and its authors' code (order "code"). Tone, blur and rotation follow
 * torchvision's `adjust_brightness`, `adjust_contrast`, `gaussian_blur` and `rotate`.
 */

type AugmentConfig = Config["augment"];

/** What is done to one view; the values of `plainView` do nothing. */
export interface View {
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
  /** Counter-clockwise rotation about the patch centre; 0: none. */
  readonly degrees: number;
  /** Factor on all values; 1: none. */
  readonly brightness: number;
  /** Factor on the distance from the view's mean; 1: none. */
  readonly contrast: number;
  /** Sigma of the 3x3 Gaussian, px; 0: none. */
  readonly blurSigma: number;
}

export type ViewParameters = readonly View[];

/** A view that is the patch itself. */
export const plainView: View = {
  flipHorizontal: false,
  flipVertical: false,
  degrees: 0,
  brightness: 1,
  contrast: 1,
  blurSigma: 0,
};

/** Mean and standard deviation of the option `patch.normalize`, as in the authors' code. */
const inputMean = 0.485;
const inputDeviation = 0.229;

/** Floats of a view on the GPU: brightness, contrast, blur taps (centre, side), warp matrix (xx, xy, yx, yy). */
const viewFloats = 8;

/** Draws the parameters of `count` views. Takes ten words of `rng` per view, whatever comes out. */
export function drawViews(
  rng: Rng,
  config: AugmentConfig,
  kind: "labelled" | "unlabelled" | "flips",
  count: number,
): ViewParameters {
  const flipsOnly = kind === "flips" || (kind === "labelled" && config.labelled === "flips");
  return Array.from({ length: count }, () => drawView(rng, config, flipsOnly));
}

function drawView(rng: Rng, config: AugmentConfig, flipsOnly: boolean): View {
  const happens = (probability: number) => rng.uniform() < probability;
  const between = (low: number, high: number) => low + (high - low) * rng.uniform();
  const flips = { flipHorizontal: happens(config.flipProbability), flipVertical: happens(config.flipProbability) };
  const rotate = happens(config.rotateProbability);
  const degrees = between(-config.rotateDegrees, config.rotateDegrees);
  const brighten = happens(config.brightnessProbability);
  const brightness = between(1 - config.brightness, 1 + config.brightness);
  const contrastAlone = happens(config.contrastProbability);
  const contrast = between(1 - config.contrast, 1 + config.contrast);
  const blur = happens(config.blurProbability);
  const blurSigma = between(...config.blurSigma);
  if (flipsOnly) return { ...plainView, ...flips };
  return {
    ...flips,
    degrees: rotate ? degrees : plainView.degrees,
    brightness: brighten ? brightness : plainView.brightness,
    contrast: (config.toneTogether ? brighten : contrastAlone) ? contrast : plainView.contrast,
    blurSigma: blur ? blurSigma : plainView.blurSigma,
  };
}

/** The floats of one view as the kernels read them. */
function packView(view: View, order: AugmentConfig["order"]): number[] {
  const { brightness, contrast, blurSigma } = view;
  const side = blurSigma > 0 ? Math.exp(-0.5 / blurSigma ** 2) : 0;
  const taps = [1 / (1 + 2 * side), side / (1 + 2 * side)];
  return [brightness, contrast, ...taps, ...warpMatrix(view, order)];
}

/** Output offset from the centre (column, row) -> source offset. What is done last is undone first. */
function warpMatrix({ flipHorizontal, flipVertical, degrees }: View, order: AugmentConfig["order"]): number[] {
  const [x, y] = [flipHorizontal ? -1 : 1, flipVertical ? -1 : 1];
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return order === "text" ? [x * cos, -x * sin, y * sin, y * cos] : [x * cos, -y * sin, x * sin, y * cos];
}

export interface AugmenterOptions {
  /** Side of a patch, px; even. */
  readonly size: number;
  /** Side of the central crop, px; null: single scale. */
  readonly smallSize: number | null;
  /** Most views, and most patches, of one call. */
  readonly maxViews: number;
  readonly augment: AugmentConfig;
  /** Map the result to (x - 0.485) / 0.229. */
  readonly normalize: boolean;
}

/** The network's input: `x` [views,size,size,1], and its central crop `x2` [views,smallSize,smallSize,1] or null. */
export interface Batch {
  readonly x: Tensor;
  readonly x2: Tensor | null;
}

/** Affine map of the values after the last kernel. */
interface Output {
  offset: number;
  scale: number;
}

const unchanged: Output = { offset: 0, scale: 1 };

/** Turns patches into batches. Owns what it uploads to; `dispose()` returns it. */
export class Augmenter {
  private readonly output: Output;
  private readonly pixels: Tensor;
  private readonly source: Tensor;
  private readonly parameters: Tensor;
  private readonly sourceValues: Uint32Array;
  private readonly viewValues: Float32Array;

  /** @throws UserError if `size` is odd or `smallSize` does not fit into it. */
  constructor(
    private readonly device: Device,
    private readonly options: AugmenterOptions,
  ) {
    checkSizes(options);
    const { size, maxViews, normalize } = options;
    this.output = normalize ? { offset: inputMean, scale: 1 / inputDeviation } : unchanged;
    this.sourceValues = new Uint32Array(maxViews);
    this.viewValues = new Float32Array(maxViews * viewFloats);
    this.pixels = device.empty([(maxViews * size * size) / 4, 1], "packed patches", "u32");
    this.source = device.empty([maxViews, 1], "patch of each view", "u32");
    this.parameters = device.empty([maxViews, viewFloats], "view parameters");
  }

  /**
   * Augmented views; `tape` owns them. This is `write()` and `views()`.
   * @throws ShapeError if the numbers of pixels, sources and views do not fit together or exceed `maxViews`.
   */
  run(tape: Tape, pixels: Uint8Array, source: readonly number[], views: ViewParameters): Batch {
    this.write(pixels, source, views);
    return this.views(tape, views.length);
  }

  /**
   * The host's part: hands over the patches of the views that `views()` will make.
   * @param pixels patches of size * size grey values, row-major, one after another
   * @param source index of the patch that each view shows
   * @param views what is done to each view, as `drawViews` gives it
   * @throws ShapeError if the numbers of pixels, sources and views do not fit together or exceed `maxViews`.
   */
  write(pixels: Uint8Array, source: readonly number[], views: ViewParameters): void {
    if (views.length !== source.length)
      throw new ShapeError(`augment: ${views.length} views, but ${source.length} sources`);
    this.upload(pixels, source);
    const { order } = this.options.augment;
    for (const [v, view] of views.entries()) this.viewValues.set(packView(view, order), v * viewFloats);
    this.device.write(this.parameters, this.viewValues);
  }

  /** The GPU's part, which can be captured: the `count` augmented views that were written; `tape` owns them. */
  views(tape: Tape, count: number): Batch {
    const x = this.unpack(tape, count, unchanged);
    if (this.options.augment.order === "text") {
      const turned = this.warp(tape, x, unchanged);
      this.tone(turned, false);
      return this.finish(tape, this.blur(tape, turned, this.output));
    }
    this.tone(x, true);
    return this.finish(tape, this.warp(tape, this.blur(tape, x, unchanged), this.output));
  }

  /** The first `count` patches as they are (testing, pseudo-labelling). @throws ShapeError as `run`. */
  plain(tape: Tape, pixels: Uint8Array, count: number): Batch {
    this.upload(
      pixels,
      Array.from({ length: count }, (_, v) => v),
    );
    return this.finish(tape, this.unpack(tape, count, this.output));
  }

  /** Returns the tensors to the device. */
  dispose(): void {
    for (const tensor of [this.pixels, this.source, this.parameters]) this.device.release(tensor);
  }

  private upload(pixels: Uint8Array, source: readonly number[]): void {
    const { size, maxViews } = this.options;
    const patches = pixels.length / (size * size);
    if (!Number.isInteger(patches) || patches < 1 || patches > maxViews)
      throw new ShapeError(`augment: ${pixels.length} pixels are not 1 to ${maxViews} patches of ${size}x${size}`);
    if (source.length < 1 || source.length > maxViews)
      throw new ShapeError(`augment: ${source.length} views, expected 1 to ${maxViews}`);
    const wrong = source.findIndex((patch) => !Number.isInteger(patch) || patch < 0 || patch >= patches);
    if (wrong >= 0) throw new ShapeError(`augment: view ${wrong} shows patch ${source[wrong]} of ${patches}`);
    this.sourceValues.set(source);
    this.device.write(this.source, this.sourceValues);
    // WebGPU takes shared memory too; only its type in the engine is narrower.
    this.device.writeBytes(this.pixels, pixels as Uint8Array<ArrayBuffer>);
  }

  private unpack(tape: Tape, count: number, output: Output): Tensor {
    const { size } = this.options;
    const y = tape.tensor([count, size, size, 1], "patches");
    const params = { count: vec4Count(y), words: (size * size) / 4, ...output };
    const { grid, constants } = itemGrid(this.device, params.count);
    const bindings = { patches: this.pixels, source: this.source, y };
    this.device.run(kernels.unpackPatches, bindings, params, grid, constants);
    return y;
  }

  /** In place. */
  private tone(x: Tensor, brightnessFirst: boolean): void {
    const { size } = this.options;
    const params = { n: x.dim(0), words: (size * size) / 4, brightness_first: brightnessFirst ? 1 : 0 };
    this.device.run(kernels.augmentTone, { views: this.parameters, x }, params, fold(x.dim(0)));
  }

  /** Takes over `x`. */
  private blur(tape: Tape, x: Tensor, output: Output): Tensor {
    const y = tape.tensor(x.shape, "augment blur");
    const params = { count: vec4Count(y), size: this.options.size, ...output };
    const { grid, constants } = itemGrid(this.device, params.count);
    this.device.run(kernels.augmentBlur, { x, views: this.parameters, y }, params, grid, constants);
    tape.discard(x);
    return y;
  }

  /** Takes over `x`. */
  private warp(tape: Tape, x: Tensor, output: Output): Tensor {
    const y = tape.tensor(x.shape, "augment warp");
    const params = { count: vec4Count(y), size: this.options.size, ...output };
    const { grid, constants } = itemGrid(this.device, params.count);
    const BILINEAR = this.options.augment.rotateMode === "bilinear-reflect";
    this.device.run(kernels.augmentWarp, { x, views: this.parameters, y }, params, grid, { ...constants, BILINEAR });
    tape.discard(x);
    return y;
  }

  private finish(tape: Tape, x: Tensor): Batch {
    const { size, smallSize: small } = this.options;
    if (small === null) return { x, x2: null };
    const n = x.dim(0);
    const x2 = tape.tensor([n, small, small, 1], "central crop");
    const params = { n, size, small, margin: Math.floor((size - small) / 2) };
    const { grid, constants } = itemGrid(this.device, n * small * small);
    this.device.run(kernels.centralCrop, { x, y: x2 }, params, grid, constants);
    return { x, x2 };
  }
}

function checkSizes({ size, smallSize, maxViews }: AugmenterOptions): void {
  if (!Number.isInteger(size) || size < 2 || (size * size) % 4 !== 0) {
    const even = Math.max(2, 2 * Math.floor(size / 2));
    throw new UserError(
      `"patch.size" is ${size}: four pixels are packed into a word, so size * size must be a multiple of 4; ` +
        `use an even size, ${even} or ${even + 2}`,
    );
  }
  if (smallSize !== null && (!Number.isInteger(smallSize) || smallSize < 1 || smallSize > size))
    throw new UserError(`"patch.smallSize" is ${smallSize}: give a whole number from 1 to patch.size, ${size}`);
  if (!Number.isInteger(maxViews) || maxViews < 1)
    throw new ShapeError(`Augmenter: maxViews is ${maxViews}, expected a whole number from 1`);
}
