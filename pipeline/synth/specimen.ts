/**
 * What lies under the microscope: an optical phase (radians relative to the medium) per pixel and, per pixel, which area of the
 * colony put something there. Cells are drawn into a specimen of any size, a single crop or a whole well; `optics.ts` then
 * makes a picture of it.
 */
import type { Rng } from "../../engine/rng.js";

export interface Specimen {
  readonly width: number;
  readonly height: number;
  /** Optical phase in radians, row-major. */
  readonly phase: Float32Array;
  /** 0 = medium, else the number of the area (1, 2, ...) whose cell lies on top. */
  readonly owner: Uint8Array;
}

/** A part of the plane where cells of one kind grow. */
export interface Area {
  /** Number written into `Specimen.owner`, 1 to 255. */
  readonly owner: number;
  /** Half-open box in pixels that contains the area. */
  readonly box: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number };
  /** Positive inside; about 0 at the rim and 1 in the middle of the colony. */
  depth(x: number, y: number): number;
}

export function createSpecimen(width: number, height: number): Specimen {
  return { width, height, phase: new Float32Array(width * height), owner: new Uint8Array(width * height) };
}

/** A random point inside an area, or null when 40 draws all miss it. */
export function pointIn(area: Area, rng: Rng): [number, number] | null {
  const { x0, y0, x1, y1 } = area.box;
  for (let attempt = 0; attempt < 40; attempt++) {
    const x = x0 + rng.uniform() * (x1 - x0);
    const y = y0 + rng.uniform() * (y1 - y0);
    if (area.depth(x, y) > 0) return [x, y];
  }
  return null;
}

/** Pixels inside an area, estimated on a grid of about 32 x 32 points. */
export function areaPixels(area: Area): number {
  const { x0, y0, x1, y1 } = area.box;
  const steps = 32;
  let inside = 0;
  for (let i = 0; i < steps; i++) {
    for (let j = 0; j < steps; j++) {
      const x = x0 + ((j + 0.5) / steps) * (x1 - x0);
      const y = y0 + ((i + 0.5) / steps) * (y1 - y0);
      if (area.depth(x, y) > 0) inside++;
    }
  }
  return (inside / (steps * steps)) * (x1 - x0) * (y1 - y0);
}

/** An ellipse: centre and half axes in pixels, angle of the first axis in radians. */
export interface Ellipse {
  readonly x: number;
  readonly y: number;
  readonly a: number;
  readonly b: number;
  readonly angle: number;
}

/** Phase of a solid body: the chord of a sphere, `peak` in the middle, falling ever faster to 0 at the rim. */
export const sphere = (r2: number): number => Math.sqrt(1 - r2);
/** Phase of an attached cell or nucleus: rounded, flattening out at the rim. */
export const dome = (r2: number): number => (1 - r2) * (1 - r2);

/** Light passes one thing after the other, so phases add; parts of one body merge by maximum instead. */
export type Merge = "add" | "max";

/** A layer of its own over a specimen, to merge bodies in; `addLayer` puts it on the specimen. Owners are shared. */
export function createLayer(specimen: Specimen): Specimen {
  return { ...specimen, phase: new Float32Array(specimen.phase.length) };
}

export function addLayer(specimen: Specimen, layer: Specimen): void {
  const { phase } = specimen;
  for (let i = 0; i < phase.length; i++) phase[i] = phase[i]! + layer.phase[i]!;
}

/**
 * Merges `peak * profile(r^2)` into an ellipse, r being 1 on its rim; the pixels it covers become `owner`'s unless `owner` is
 * 0. Parts outside the specimen are cut off.
 */
export function stampEllipse(
  specimen: Specimen,
  ellipse: Ellipse,
  peak: number,
  profile: (r2: number) => number,
  owner: number,
  merge: Merge = "add",
): void {
  const { width, height, phase } = specimen;
  const { x, y, a, b, angle } = ellipse;
  const reach = Math.max(a, b);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const left = Math.max(0, Math.ceil(x - reach));
  const right = Math.min(width - 1, Math.floor(x + reach));
  const bottom = Math.min(height - 1, Math.floor(y + reach));
  for (let row = Math.max(0, Math.ceil(y - reach)); row <= bottom; row++) {
    const dy = row - y;
    for (let column = left; column <= right; column++) {
      const dx = column - x;
      const u = (dx * cos + dy * sin) / a;
      const v = (dy * cos - dx * sin) / b;
      const r2 = u * u + v * v;
      if (r2 >= 1) continue;
      const at = row * width + column;
      const value = peak * profile(r2);
      phase[at] = merge === "add" ? phase[at]! + value : Math.max(phase[at]!, value);
      if (owner > 0) specimen.owner[at] = owner;
    }
  }
}
