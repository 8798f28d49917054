import { describe, expect, it } from "vitest";
import { Rng } from "../../../engine/rng.js";
import {
  createField,
  createNoise,
  type Field,
  fillNormal,
  gaussianBlur,
  sampleNoise,
} from "../../../pipeline/synth/fields.js";

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: ArrayLike<number>) => {
  const centre = mean(values);
  return Math.sqrt(mean(Array.from(values, (value) => (value - centre) ** 2)));
};

/** Gaussian blur as the definition says, in f64, border values repeated. */
function blurTwin(field: Field, sigma: number): number[] {
  const { width, height, data } = field;
  const reach = Math.ceil(5 * sigma);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const clamp = (value: number, end: number) => Math.min(Math.max(value, 0), end - 1);
  const rows = Array.from(data, (_, at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    return weights.reduce((sum, w, i) => sum + (w / total) * data[y * width + clamp(x + i - reach, width)]!, 0);
  });
  return rows.map((_, at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    return weights.reduce((sum, w, i) => sum + (w / total) * rows[clamp(y + i - reach, height) * width + x]!, 0);
  });
}

function randomField(width: number, height: number): Field {
  const rng = new Rng(3, "fields test");
  const field = createField(width, height);
  field.data.forEach((_, i) => {
    field.data[i] = rng.uniform();
  });
  return field;
}

describe("gaussianBlur", () => {
  // Direct up to sigma 2 (cut at 2.5 sigma), three boxes from there on; white noise (deviation 0.29) is the hardest input. The
  // tolerance is the truncation of the former and the steps of the latter. Near the border boxes differ by design.
  it.each([
    [0.6, 31, 22, 0],
    [1.5, 31, 22, 0],
    [3, 57, 43, 10],
    [8, 97, 83, 30],
  ])("sigma %d on %dx%d follows the definition", (sigma, width, height, border) => {
    const field = randomField(width, height);
    const twin = blurTwin(field, sigma);
    const blurred = gaussianBlur(field, sigma).data;
    const inside = (at: number) =>
      Math.min(at % width, width - 1 - (at % width)) >= border &&
      Math.min(Math.floor(at / width), height - 1 - Math.floor(at / width)) >= border;
    const errors = Array.from(blurred, (value, at) => (inside(at) ? Math.abs(value - twin[at]!) : 0));
    expect(errors.filter((error) => error > 0).length).toBeGreaterThan(500);
    expect(Math.max(...errors)).toBeLessThan(0.015);
  });

  it("stays between the extremes on a picture smaller than its boxes", () => {
    const field = randomField(5, 3);
    for (const value of gaussianBlur(field, 4).data) {
      expect(value).toBeGreaterThan(Math.min(...field.data));
      expect(value).toBeLessThan(Math.max(...field.data));
    }
  });

  it("leaves a constant field constant", () => {
    const field = createField(40, 9);
    field.data.fill(0.7);
    for (const sigma of [0.1, 1, 2.5, 12]) {
      for (const value of gaussianBlur(field, sigma).data) expect(value).toBeCloseTo(0.7, 5);
    }
  });
});

describe("noise", () => {
  it("has about zero mean and unit deviation between its grid points too", () => {
    const noise = createNoise(600, 600, 6, new Rng(5, "noise"));
    const values = Array.from({ length: 250 * 250 }, (_, i) =>
      sampleNoise(noise, (i % 250) * 2.4, Math.floor(i / 250) * 2.4),
    );
    expect(Math.abs(mean(values))).toBeLessThan(0.04);
    expect(Math.abs(deviation(values) - 1)).toBeLessThan(0.04);
  });

  it("is smooth", () => {
    const noise = createNoise(100, 100, 10, new Rng(5, "noise"));
    for (let x = 0; x < 99; x++) {
      expect(Math.abs(sampleNoise(noise, x + 1, 50) - sampleNoise(noise, x, 50))).toBeLessThan(1);
    }
  });

  it("fillNormal gives normal deviates: moments and tail", () => {
    const values = new Float32Array(100001);
    fillNormal(values, new Rng(6, "normal"));
    expect(Math.abs(mean(values))).toBeLessThan(0.015);
    expect(Math.abs(deviation(values) - 1)).toBeLessThan(0.01);
    const beyondTwo = values.filter((value) => Math.abs(value) > 2).length / values.length;
    expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(0.004);
  });
});
