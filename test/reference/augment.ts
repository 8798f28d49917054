import { map, type Nd, nd, sizes4 } from "./nd.js";

/**
 * Augmentations of grey images [N, H, W, 1] with values in 0..1, one parameter per image; `null` leaves an image as it is.
 * Sources: torchvision's `adjust_brightness`, `adjust_contrast`, `gaussian_blur`, `rotate` (tensor versions), and torch's
 * `grid_sample(align_corners=False)`. They are not differentiated.
 */

export type PerImage<T> = readonly (T | null)[];

const clamp01 = (value: number) => Math.min(Math.max(value, 0), 1);

/** Replaces the images that have a parameter by `f(pixels, parameter)`. */
function perImage<T>(x: Nd, parameters: PerImage<T>, f: (image: Float64Array, parameter: T) => Float64Array): Nd {
  const [n, h, w, c] = sizes4(x, "augmentation");
  if (c !== 1 || parameters.length !== n)
    throw new Error(`augmentation: [${x.shape}] with ${parameters.length} parameters`);
  const y = nd(x.shape, x.data);
  parameters.forEach((parameter, b) => {
    if (parameter !== null) y.data.set(f(x.data.slice(b * h * w, (b + 1) * h * w), parameter), b * h * w);
  });
  return y;
}

/** clamp(factor * x). */
export function brightness(x: Nd, factors: PerImage<number>): Nd {
  return perImage(x, factors, (image, factor) => image.map((value) => clamp01(factor * value)));
}

/** clamp(factor * x + (1 - factor) * mean), with the mean of the image. */
export function contrast(x: Nd, factors: PerImage<number>): Nd {
  return perImage(x, factors, (image, factor) => {
    const mean = image.reduce((a, b) => a + b, 0) / image.length;
    return image.map((value) => clamp01(factor * value + (1 - factor) * mean));
  });
}

/** The 3 taps exp(-0.5 (k / sigma)^2), k = -1, 0, 1, divided by their sum. */
export function blurKernel(sigma: number): [side: number, centre: number] {
  const side = Math.exp(-0.5 / sigma ** 2);
  return [side / (1 + 2 * side), 1 / (1 + 2 * side)];
}

/** Gaussian blur 3x3 with the given sigma (pixels); the border reflects without repeating the edge pixel. */
export function gaussianBlur(x: Nd, sigmas: PerImage<number>): Nd {
  const [, h, w] = sizes4(x, "gaussianBlur x");
  const reflect = (at: number, size: number) => (at < 0 ? -at : at >= size ? 2 * size - 2 - at : at);
  return perImage(x, sigmas, (image, sigma) => {
    const [side, centre] = blurKernel(sigma);
    const weight = [side, centre, side];
    return image.map((_, k) => {
      let sum = 0;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const at = reflect(Math.floor(k / w) + dy, h) * w + reflect((k % w) + dx, w);
          sum += weight[dy + 1]! * weight[dx + 1]! * image[at]!;
        }
      }
      return sum;
    });
  });
}

/** For every output pixel, the source position (column, row) of a counter-clockwise rotation about the image's centre. */
export function rotationSource(h: number, w: number, degrees: number): (k: number) => [column: number, row: number] {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [cx, cy] = [(w - 1) / 2, (h - 1) / 2];
  return (k) => {
    const [dx, dy] = [(k % w) - cx, Math.floor(k / w) - cy];
    return [cos * dx - sin * dy + cx, sin * dx + cos * dy + cy];
  };
}

/** Nearest even integer on a tie, as C's nearbyint and WGSL's round. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Rotation by degrees, nearest pixel; what comes from outside the image is 0. */
export function rotateNearest(x: Nd, degrees: PerImage<number>): Nd {
  const [, h, w] = sizes4(x, "rotateNearest x");
  return perImage(x, degrees, (image, angle) => {
    const source = rotationSource(h, w, angle);
    return image.map((_, k) => {
      const [column, row] = source(k).map(roundHalfEven) as [number, number];
      return column >= 0 && column < w && row >= 0 && row < h ? image[row * w + column]! : 0;
    });
  });
}

/** Reflects a position at the outer edges of the pixels (-0.5 and size - 0.5), then keeps it between pixel centres. */
export function reflectPosition(at: number, size: number): number {
  const folded = (((at + 0.5) % (2 * size)) + 2 * size) % (2 * size);
  return Math.min(Math.max(Math.min(folded, 2 * size - folded) - 0.5, 0), size - 1);
}

/** Rotation by degrees, bilinear; outside the image it is mirrored, the edge pixel repeated. */
export function rotateReflect(x: Nd, degrees: PerImage<number>): Nd {
  const [, h, w] = sizes4(x, "rotateReflect x");
  return perImage(x, degrees, (image, angle) => {
    const source = rotationSource(h, w, angle);
    return image.map((_, k) => {
      const [column, row] = source(k);
      return bilinear(image, h, w, reflectPosition(row, h), reflectPosition(column, w));
    });
  });
}

/** Value between pixel centres; row in [0, h - 1], column in [0, w - 1]. */
function bilinear(image: Float64Array, h: number, w: number, row: number, column: number): number {
  const [y0, x0] = [Math.floor(row), Math.floor(column)];
  const [y1, x1] = [Math.min(y0 + 1, h - 1), Math.min(x0 + 1, w - 1)];
  const [fy, fx] = [row - y0, column - x0];
  const top = image[y0 * w + x0]! * (1 - fx) + image[y0 * w + x1]! * fx;
  const bottom = image[y1 * w + x0]! * (1 - fx) + image[y1 * w + x1]! * fx;
  return top * (1 - fy) + bottom * fy;
}

/** Mirrors left-right where true. */
export function flipHorizontal(x: Nd, which: readonly boolean[]): Nd {
  const [, , w] = sizes4(x, "flipHorizontal x");
  return perImage(
    x,
    which.map((flip) => flip || null),
    (image) => image.map((_, k) => image[k - 2 * (k % w) + w - 1]!),
  );
}

/** Mirrors top-bottom where true. */
export function flipVertical(x: Nd, which: readonly boolean[]): Nd {
  const [, h, w] = sizes4(x, "flipVertical x");
  return perImage(
    x,
    which.map((flip) => flip || null),
    (image) => {
      return image.map((_, k) => image[(h - 1 - Math.floor(k / w)) * w + (k % w)]!);
    },
  );
}

/** Clamps to 0..1. */
export function clampUnit(x: Nd): Nd {
  return map(x, clamp01);
}
