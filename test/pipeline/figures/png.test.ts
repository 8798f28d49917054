import { readdirSync, readFileSync } from "node:fs";
import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { drawingFile, pngSize, svgToPng } from "../../../pipeline/figures/png.js";
import { lightColours, standalone } from "../../../pipeline/figures/standalone.js";
import { draw, ink, lineChart } from "../../../pipeline/report/charts.js";
import { styleSheet } from "../../../pipeline/report/style.js";

const chart = lineChart(
  { id: "c", label: "a chart" },
  {
    x: { title: "epoch" },
    y: { title: "loss (nats)" },
    curves: [
      {
        name: "student",
        points: [
          [1, 2],
          [2, 1],
        ],
      },
    ],
  },
);
const text = (content: string, attributes = "") =>
  `<svg viewBox="0 0 300 40"><text x="4" y="28" font-size="24" ${attributes}>${content}</text></svg>`;

/** Pixels darker than mid-grey. */
function dark(png: Uint8Array): number {
  const { data } = PNG.sync.read(Buffer.from(png));
  let n = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i]! < 128) n++;
  return n;
}

describe("PNG of a drawing", () => {
  it("is twice the drawing's size, or as wide as asked, on white", () => {
    expect(pngSize(svgToPng(standalone(chart)))).toEqual({ width: 880, height: 540 });
    const narrow = svgToPng(standalone(chart), { width: 220 });
    expect(pngSize(narrow)).toEqual({ width: 220, height: 135 });
    expect([...PNG.sync.read(Buffer.from(narrow)).data.subarray(0, 4)]).toEqual([255, 255, 255, 255]);
  });

  it("has its text without any font of the system, whatever family is asked for", () => {
    for (const family of ["", "inherit", "system-ui", "Arial, Helvetica, sans-serif"])
      expect(dark(svgToPng(text("student", `font-family="${family}"`)))).toBeGreaterThan(400);
    const bold = dark(svgToPng(text("student", 'font-weight="600"')));
    expect(bold).toBeGreaterThan(1.2 * dark(svgToPng(text("student"))));
  });

  it.each([..."–−×·²…≥≤±µ→√Δéßžαж%"])("has the sign %s", (sign) => {
    expect(dark(svgToPng(text(sign)))).toBeGreaterThan(2);
  });

  it("writes exponents that the font lacks in another way", () => {
    expect(svgToPng(text("2·10⁻⁴⁰"))).toEqual(svgToPng(text("2e-40")));
  });

  it("is the same each time, and the same for a chart of a page and for its file", () => {
    expect(svgToPng(standalone(chart))).toEqual(svgToPng(standalone(chart)));
    expect(dark(svgToPng(chart.markup))).toBe(dark(svgToPng(standalone(chart))));
    expect(dark(svgToPng(chart.markup))).toBeGreaterThan(1000);
  });

  it("refuses what is no drawing, and sizes that are none", () => {
    expect(() => svgToPng("<p>no")).toThrow(/the drawing cannot be made into a PNG: .+/);
    expect(() => svgToPng(standalone(chart), { width: 0 })).toThrow(/width of a PNG: 0; give a whole number/);
  });

  it("is made where the file's name asks for it", () => {
    expect(drawingFile("a/b.PNG", standalone(chart))).toBeInstanceOf(Uint8Array);
    expect(drawingFile("a/b.svg", "<svg/>")).toBe("<svg/>");
  });
});

describe("a drawing as a file", () => {
  it("has the light colours of the page, all of them", () => {
    const root = /:root \{[^}]*?\}/.exec(styleSheet)![0];
    const colours = [...root.matchAll(/(--\w+): (#\w+)/g)].map(([, name, value]) => [name, value]);
    expect(Object.fromEntries(colours)).toMatchObject(lightColours);
    expect(standalone(chart)).not.toContain("var(");
    const legend = { data: ["t"], textStyle: { color: ink } };
    const named = draw(
      { id: "x", label: "x" },
      { legend, xAxis: {}, yAxis: {}, series: [{ type: "line", name: "t" }] },
    );
    expect(standalone(named)).toContain(lightColours["--ink"]);
  });

  it("the font's licence lies beside it, in the package too", () => {
    const licence = readFileSync(new URL("../../../pipeline/figures/fonts/LICENSE", import.meta.url), "utf8");
    expect(licence).toContain("SIL OPEN FONT LICENSE Version 1.1");
    expect(licence).toContain("Reserved Font Name Liberation");
    const built = new URL("../../../dist/node/pipeline/figures/fonts/", import.meta.url);
    expect(readdirSync(built).sort()).toEqual(["LICENSE", "LiberationSans-Bold.ttf", "LiberationSans-Regular.ttf"]);
  });
});
