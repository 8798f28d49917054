/** Outlines of colonies, and their division into contiguous areas. */
import type { Rng } from "../../engine/rng.js";
import { createNoise, sampleNoise } from "./fields.js";
import type { Area } from "./specimen.js";

const OUTLINE_STEPS = 360;

/** Outline of a colony: a closed curve in polar form, fitted to a box. */
export interface Outline {
  /** 1 in the centre, 0 on the curve, negative outside. */
  depth(x: number, y: number): number;
}

/** Radii of a random closed curve: a circle with harmonics 2 to 9 whose amplitude falls with their order. */
function outlineRadii(roughness: number, rng: Rng): Float32Array {
  const radii = new Float32Array(OUTLINE_STEPS).fill(1);
  for (let order = 2; order <= 9; order++) {
    const amplitude = (roughness * rng.normal()) / order;
    const phase = 2 * Math.PI * rng.uniform();
    for (let i = 0; i < OUTLINE_STEPS; i++) {
      radii[i] = radii[i]! + amplitude * Math.cos((2 * Math.PI * order * i) / OUTLINE_STEPS + phase);
    }
  }
  return radii.map((radius) => Math.max(radius, 0.35));
}

/**
 * A random outline that touches all four sides of the box `[margin, width - margin] x [margin, height - margin]`, as a colony
 * touches the sides of the bounding box it was cut out by.
 *
 * @param roughness 0 for an ellipse, about 0.3 for a ragged colony
 */
export function createOutline(width: number, height: number, margin: number, roughness: number, rng: Rng): Outline {
  const radii = outlineRadii(roughness, rng);
  let [left, right, top, bottom] = [0, 0, 0, 0];
  radii.forEach((radius, i) => {
    const x = radius * Math.cos((2 * Math.PI * i) / OUTLINE_STEPS);
    const y = radius * Math.sin((2 * Math.PI * i) / OUTLINE_STEPS);
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  });
  const scaleX = (right - left) / Math.max(width - 2 * margin, 1);
  const scaleY = (bottom - top) / Math.max(height - 2 * margin, 1);
  return {
    depth(x, y) {
      const u = left + (x - margin) * scaleX;
      const v = top + (y - margin) * scaleY;
      const turn = Math.atan2(v, u) / (2 * Math.PI);
      const at = Math.floor((turn < 0 ? turn + 1 : turn) * OUTLINE_STEPS) % OUTLINE_STEPS;
      return 1 - Math.sqrt(u * u + v * v) / radii[at]!;
    },
  };
}

/** The whole of a colony as one area. */
export function wholeArea(outline: Outline, width: number, height: number): Area {
  return { owner: 1, box: { x0: 0, y0: 0, x1: width, y1: height }, depth: (x, y) => outline.depth(x, y) };
}

/**
 * Divides a colony into `shares.length` contiguous areas whose sizes go roughly with `shares`: seeds on a ring around the
 * centre, additively weighted nearest seed, bent by smooth noise so that the boundaries are not straight.
 */
export function divideOutline(outline: Outline, width: number, height: number, shares: number[], rng: Rng): Area[] {
  const reach = Math.sqrt(width * height);
  const start = 2 * Math.PI * rng.uniform();
  const seeds = shares.map((share, i) => ({
    x: width / 2 + 0.28 * width * Math.cos(start + (2 * Math.PI * i) / shares.length),
    y: height / 2 + 0.28 * height * Math.sin(start + (2 * Math.PI * i) / shares.length),
    handicap: reach * 0.55 * (1 / shares.length - share),
  }));
  const bendX = createNoise(width, height, reach / 5, rng);
  const bendY = createNoise(width, height, reach / 5, rng);
  const nearest = (x: number, y: number): number => {
    const u = x + 0.06 * reach * sampleNoise(bendX, x, y);
    const v = y + 0.06 * reach * sampleNoise(bendY, x, y);
    let best = 0;
    let bestDistance = Number.POSITIVE_INFINITY;
    seeds.forEach((seed, i) => {
      const distance = Math.hypot(u - seed.x, v - seed.y) + seed.handicap;
      if (distance < bestDistance) [best, bestDistance] = [i, distance];
    });
    return best;
  };
  return shares.map((_, i) => ({
    owner: i + 1,
    box: { x0: 0, y0: 0, x1: width, y1: height },
    depth: (x, y) => {
      const inside = outline.depth(x, y);
      return inside > 0 && nearest(x, y) !== i ? -inside : inside;
    },
  }));
}
