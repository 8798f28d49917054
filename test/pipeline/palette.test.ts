import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  boxColour,
  cssVariables,
  dark,
  light,
  mapFills,
  outlineColour,
  print,
  type Rgb,
  rgbOnGrey,
} from "../../pipeline/palette.js";

/** The variables that a rule of a style sheet sets. */
function variables(css: string, selector: string): Record<string, string> {
  const start = css.indexOf(`${selector} {`);
  expect(start, selector).toBeGreaterThanOrEqual(0);
  const body = css.slice(start, css.indexOf("}", start));
  return Object.fromEntries([...body.matchAll(/(--[\w-]+): (#\w+);/g)].map(([, name, value]) => [name, value]));
}

test("the page's own style sheet has the same colours", () => {
  const css = readFileSync("demo/web/styles/base.css", "utf8");
  expect(variables(css, "\n:root")).toMatchObject(cssVariables(light));
  expect(variables(css, ':root:not([data-theme="light"])')).toMatchObject(cssVariables(dark));
  expect(variables(css, ':root[data-theme="dark"]')).toMatchObject(cssVariables(dark));
});

const rgb = (hex: string): Rgb => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as never;
const linear = (value: number) =>
  value <= 0.04045 * 255 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
const encoded = (value: number) =>
  255 * Math.min(1, Math.max(0, value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));

/** Machado, Oliveira and Fernandes (2009), severity 1, on linear light. */
const simulations = {
  "full sight": [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
} as const;

function seen(colour: Rgb, matrix: readonly number[]): Rgb {
  const from = colour.map(linear);
  return [0, 3, 6].map((row) =>
    encoded(from.reduce((sum, value, i) => sum + (matrix[row + i] as number) * value, 0)),
  ) as never;
}

/** CIE 1976 colour difference: 2.3 is about just noticeable. */
function difference(a: Rgb, b: Rgb): number {
  const [p, q] = [lab(a), lab(b)];
  return Math.hypot(...p.map((value, i) => value - (q[i] as number)));
}

function lab(colour: Rgb): number[] {
  const [r, g, b] = colour.map(linear) as [number, number, number];
  const xyz = [
    (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
    0.2126 * r + 0.7152 * g + 0.0722 * b,
    (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
  ];
  const [x, y, z] = xyz.map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116)) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

describe.each(Object.entries(simulations))("with %s", (_, matrix) => {
  test.each([
    ["light", light.series.map(rgb)],
    ["dark", dark.series.map(rgb)],
    ["print", print.series.map(rgb)],
    ["class maps", mapFills],
    ["wells", [outlineColour, boxColour]],
  ] as const)("colours stay apart: %s", (_name, colours) => {
    for (const [i, a] of colours.entries())
      for (const [j, b] of colours.slice(0, i).entries())
        expect(difference(seen(a, matrix), seen(b, matrix)), `${i} and ${j}`).toBeGreaterThan(10);
  });
});

test("pictures of cells take the colours for dark surroundings, again from the ninth class on", () => {
  expect([rgbOnGrey(0), rgbOnGrey(7), rgbOnGrey(8)]).toEqual([
    [75, 163, 224],
    [240, 228, 66],
    [75, 163, 224],
  ]);
});
