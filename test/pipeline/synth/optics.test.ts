import { describe, expect, it } from "vitest";
import { Rng } from "../../../engine/rng.js";
import { type Optics, takePicture } from "../../../pipeline/synth/optics.js";
import { createSpecimen, dome, sphere, stampEllipse } from "../../../pipeline/synth/specimen.js";

const SIZE = 81;
const CENTRE = 40;

const optics: Optics = {
  halo: 8,
  ring: 0.6,
  visibility: 0.7,
  blur: 0.7,
  defocus: 0,
  background: 120,
  slopeX: 0,
  slopeY: 0,
  falloff: 0,
  photons: 1e9,
  readNoise: 0,
};

/** Picture of one round body in the middle; returns grey values along the row through its centre. */
function profile(
  radius: number,
  peak: number,
  shape: (r2: number) => number,
  settings: Partial<Optics> = {},
): number[] {
  const specimen = createSpecimen(SIZE, SIZE);
  stampEllipse(specimen, { x: CENTRE, y: CENTRE, a: radius, b: radius, angle: 0 }, peak, shape, 1);
  const pixels = takePicture(specimen, { ...optics, ...settings }, new Rng(1, "optics"));
  return Array.from(pixels.subarray(CENTRE * SIZE, (CENTRE + 1) * SIZE));
}

describe("takePicture", () => {
  it("shows the empty medium at the background's grey value", () => {
    const pixels = takePicture(createSpecimen(30, 20), optics, new Rng(1, "empty"));
    expect(new Set(pixels)).toEqual(new Set([120]));
  });

  it("shows a thin body dark, in a bright halo", () => {
    const grey = profile(6, 0.5, dome);
    expect(grey[CENTRE]!).toBeLessThan(90);
    expect(Math.max(...grey.slice(CENTRE + 6, CENTRE + 16))).toBeGreaterThan(122);
    expect(grey[0]!).toBeGreaterThanOrEqual(118);
    expect(grey[0]!).toBeLessThanOrEqual(122);
  });

  it("shows a dead cell's sphere bright, brightest around its perimeter", () => {
    const grey = profile(8, 5.6, sphere);
    const ring = Math.max(...grey.slice(CENTRE + 4, CENTRE + 9));
    expect(ring).toBeGreaterThan(180);
    expect(ring).toBeGreaterThan(grey[CENTRE]! + 30);
  });

  it("lets the inside of a wide layer fade towards the background (shade-off)", () => {
    const grey = profile(34, 0.5, (r2) => (r2 < 0.9 ? 1 : (1 - r2) * 10));
    expect(grey[CENTRE]!).toBeGreaterThan(grey[CENTRE + 29]! + 10);
  });

  it("blurs and sharpens with focus", () => {
    const contrast = (settings: Partial<Optics>) => {
      const grey = profile(3, 0.5, dome, settings);
      return Math.max(...grey) - Math.min(...grey);
    };
    expect(contrast({ blur: 2 })).toBeLessThan(0.6 * contrast({}));
    expect(contrast({ defocus: 0.3 })).not.toBe(contrast({ defocus: -0.3 }));
  });

  it("adds shot noise of the variance that the photons give", () => {
    const specimen = createSpecimen(200, 200);
    const pixels = takePicture(specimen, { ...optics, photons: 4, readNoise: 2 }, new Rng(2, "noise"));
    const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
    const variance = pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length;
    // 120 / 4 + 2^2 + 1/12 for rounding
    expect(Math.abs(variance - 34.08)).toBeLessThan(1);
  });

  it("lights unevenly as told", () => {
    const pixels = takePicture(createSpecimen(101, 50), { ...optics, slopeX: 0.2 }, new Rng(1, "slope"));
    expect(pixels[0]).toBe(96);
    expect(pixels[100]!).toBeGreaterThan(142);
  });
});
