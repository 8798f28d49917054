import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Resvg } from "@resvg/resvg-js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { meanByEpoch, meanCurve } from "../../../pipeline/figures/byEpoch.js";
import { drawFigures, type FigureNumber, writeFigures } from "../../../pipeline/figures/index.js";
import { loadRuns } from "../../../pipeline/figures/load.js";
import { pngSize } from "../../../pipeline/figures/png.js";
import { lineChart } from "../../../pipeline/report/charts.js";
import type { EpochLine } from "../../../pipeline/report/metricsFile.js";
import { readPredictions } from "../../../pipeline/run/predictions.js";
import { groupRuns } from "../../../pipeline/statistics/groups.js";
import { fakeRun } from "../../support/fakeRun.js";
import { type FinishedRunOptions, writeFinishedRun } from "../../support/fakeRuns.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-figures-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const counts = { L: [6, 3, 1], validation: [2, 1, 1], U: [60, 30, 10], T: [6, 3, 1] };
function add(config: string, seed: number, options: Partial<FinishedRunOptions> & { set?: string[] } = {}): string {
  const { set = [], ...rest } = options;
  const folder = join(root, `${config}-${set.join("+")}-${seed}`);
  writeFinishedRun(folder, { request: { config, preset: "tiny", seed, set }, epochs: 3, counts, ...rest });
  return folder;
}

async function figures(only: FigureNumber[], configs: string[] = []) {
  const { runs } = await loadRuns([root]);
  const { figures: drawn, missing } = await drawFigures(groupRuns(runs), { only, configs });
  const [one] = drawn;
  return { one, drawn, missing, caption: one?.caption ?? "", markup: one?.drawing.markup ?? "" };
}

/** Texts of a drawing, in their order. */
const texts = (markup: string) => [...markup.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

describe("values by epoch", () => {
  const line = (epoch: number, loss: number | null) => ({ epoch, loss }) as EpochLine;
  it("are means and deviations over the runs that have the epoch", () => {
    const means = meanByEpoch(
      [
        [line(1, 1), line(2, 4)],
        [line(1, 3), line(2, null)],
      ],
      ({ loss }) => loss,
    );
    expect(means).toEqual([
      { epoch: 1, mean: 2, sd: Math.SQRT2, low: 1, high: 3 },
      { epoch: 2, mean: 4, sd: null, low: 4, high: 4 },
    ]);
  });
});

describe("a line through means", () => {
  it("is broken where no run has a value, and so is its band", () => {
    const means = [1, 2, 4, 5].map((epoch) => ({ epoch, mean: epoch, sd: 1, low: epoch - 0.5, high: epoch + 0.5 }));
    const curve = meanCurve(
      "",
      { color: "var(--c0)", dash: "solid", symbol: "circle" },
      means,
      "range",
      undefined,
      [1, 2, 3, 4, 5],
    );
    expect(curve.points).toEqual([
      [1, 1],
      [2, 2],
      [3, null],
      [4, 4],
      [5, 5],
    ]);
    const axes = { x: { title: "x", min: 1, max: 5 }, y: { title: "y", min: 0, max: 6 } };
    const { markup } = lineChart({ id: "b", label: "" }, { ...axes, curves: [curve] });
    expect(markup).not.toContain("NaN");
    const [line] = /<path d="([^"]*)"[^>]*stroke-width="2.2"/.exec(markup)?.slice(1) ?? [];
    const [band] = /<path d="([^"]*)"[^>]*fill-opacity="0.13"/.exec(markup)?.slice(1) ?? [];
    expect([line, band].map((path) => path?.match(/M/g)?.length)).toEqual([2, 2]);
  });
});

describe("bands of a chart", () => {
  it("do not pile up on each other", () => {
    const curve = (y: number) => ({
      name: "",
      color: `var(--c${y})`,
      points: [[0, y] as [number, number], [1, y] as [number, number]],
      band: [0, 1].map((x) => ({ x, low: y - 0.5, high: y + 0.5 })),
    });
    const paths = (curves: ReturnType<typeof curve>[]) => {
      const { markup } = lineChart(
        { id: "b", label: "" },
        { x: { title: "x", min: 0, max: 1 }, y: { title: "y", min: -4, max: 4 }, curves },
      );
      return [...markup.matchAll(/<path d="([^"]*)"[^>]*fill-opacity="0.13"/g)].map(([, d]) => d);
    };
    expect(paths([curve(2)])).toHaveLength(1);
    expect(paths([curve(1), curve(2)])[1]).toBe(paths([curve(2)])[0]);
    // Below zero too.
    expect(paths([curve(1), curve(-2)])[1]).toBe(paths([curve(-2)])[0]);
  });
});

describe("Figure 2", () => {
  it("has two panels for a method with a teacher and one without, and says what it is over", async () => {
    for (const seed of [0, 1, 2]) add("ipb-vgg", seed, { teacher: {} });
    add("vgg19", 0);
    const { caption, markup } = await figures([2]);
    expect(texts(markup).filter((text) => text?.includes(":"))).toEqual([
      "ipb-vgg: pre-training",
      "ipb-vgg: teacher and student",
      "vgg19: training",
    ]);
    expect(caption).toContain("ipb-vgg: 3 runs (fold 0; seeds 0 to 2); vgg19: 1 run (fold 0; seed 0).");
    expect(caption).toContain("one standard deviation (n - 1)");
    expect(caption).toContain("runs of 2024-03-01");
    expect(markup.match(/fill-opacity="0.13"/g)).toHaveLength(3);
  });
});

describe("Figure 6", () => {
  it("compares two configurations with the actual shares, which another run may know", async () => {
    add("ml-ms-ipb-vgg", 0, { teacher: {}, counts: { ...counts, U: null } });
    add("ipb-vgg", 0, { teacher: {} });
    add("ms-ipb-vgg", 0, { teacher: {} });
    const { caption, markup } = await figures([6]);
    expect(texts(markup)).toEqual(expect.arrayContaining(["ipb-vgg", "ml-ms-ipb-vgg", "Dense", "Diff", "Spread"]));
    expect(caption).toContain("Dotted: actual share in the unlabelled part.");
    expect(caption).toContain("Left out, for want of room: ms-ipb-vgg (--configs chooses).");
    const chosen = await figures([6], ["ms-ipb-vgg", "ml-ms-ipb-vgg"]);
    expect(chosen.caption).not.toContain("Left out");
    expect(texts(chosen.markup).slice(0, 2)).toEqual(["ms-ipb-vgg", "ml-ms-ipb-vgg"]);
    const alone = await figures([6], ["ml-ms-ipb-vgg"]);
    expect(alone.caption).toContain("share in the labelled part (of U it is not known)");
  });
});

describe("Figures 6 and 7", () => {
  it("are missing where nothing is labelled, with the reason", async () => {
    add("vgg19", 0);
    const { drawn, missing } = await figures([6, 7]);
    expect(drawn).toEqual([]);
    expect(missing.map(({ number }) => number)).toEqual([6, 7]);
    expect(missing[0]!.reason).toContain("no run has pseudo-labels");
  });
  it("name chosen configurations that have none", async () => {
    add("vgg19", 0);
    add("ipb-vgg", 0, { teacher: {} });
    expect((await figures([7], ["vgg19", "ipb-vgg"])).caption).toContain("Without values for this figure: vgg19.");
    await expect(figures([7], ["hrnet"])).rejects.toThrow(/--configs hrnet: not in these runs; there are "ipb-vgg"/);
  });
});

describe("configurations to draw", () => {
  it("are chosen by the names that a plan gives them", async () => {
    const set = ["meta.threshold=0.9"];
    for (const one of [{}, { set }]) add("ipb-vgg", 0, { teacher: {}, ...one });
    const runs = [
      { id: "ipb-vgg--0", label: "ipb-vgg plain" },
      { id: `ipb-vgg-${set}-0`, label: "ipb-vgg strict" },
    ];
    writeFileSync(join(root, "experiment.json"), JSON.stringify({ runs }));
    expect(texts((await figures([2], ["ipb-vgg strict"])).markup)).not.toContain("ipb-vgg plain");
    await expect(figures([2], ["strict"])).rejects.toThrow('there are "ipb-vgg plain", "ipb-vgg strict"');
  });
});

describe("Figure 8", () => {
  const at = (config: string, fraction: number, seed: number, balancedAccuracy: number) =>
    add(config, seed, {
      set: [`data.labelledFraction=${fraction}`],
      student: { balancedAccuracy },
      counts: { ...counts, L: [80 * fraction], validation: [20 * fraction] },
    });
  it("groups runs by configuration and takes means over each fraction", async () => {
    for (const seed of [0, 1]) for (const f of [0.01, 0.1, 0.5]) at("ipb-vgg", f, seed, 0.5 + f / 2 + seed / 10);
    at("vgg19", 0.1, 0, 0.4);
    at("vgg19", 0.5, 0, 0.6);
    const { caption, markup } = await figures([8]);
    expect(texts(markup)).toEqual(expect.arrayContaining(["ipb-vgg", "vgg19", "1 %", "10 %", "50 %"]));
    expect(caption).toContain("ipb-vgg: 1\u00a0% 2 runs (fold 0; seeds 0, 1), 10\u00a0% 2 runs");
    expect(caption).toContain("Labelled images: 1 (1\u00a0%), 10 (10\u00a0%), 50 (50\u00a0%).");
  });
  it("says where every class's least number of labels is more than the fraction", async () => {
    for (const f of [0.01, 0.1])
      add("ipb-vgg", 0, {
        set: [`data.labelledFraction=${f}`],
        student: { balancedAccuracy: 0.5 },
        counts: { L: [f === 0.1 ? 8 : 3], validation: [f === 0.1 ? 2 : 1], U: [f === 0.1 ? 90 : 96], T: [10] },
      });
    expect((await figures([8])).caption).toContain(
      "Labelled images: 4 (1\u00a0%, in fact 4.0\u00a0%), 10 (10\u00a0%).",
    );
  });
  it("labels each fraction of the article", async () => {
    for (const f of [0.01, 0.05, 0.1, 0.5, 0.8]) at("ipb-vgg", f, 0, 0.5);
    const labels = texts((await figures([8])).markup);
    const asked = [1, 5, 10, 50, 80].map((f) => `${f} %`);
    const at1 = labels.indexOf(asked[0] ?? "");
    expect(labels.slice(at1, at1 + 5)).toEqual(asked);
  });
  it("is missing with one fraction", async () => {
    at("ipb-vgg", 0.1, 0, 0.5);
    const { missing } = await figures([8]);
    expect(missing[0]!.reason).toContain("have the same labelled fraction (10\u00a0%); vary data.labelledFraction");
  });
});

describe("figures with images", () => {
  const nasty = ["a & b", "<Dense>", "Spread", 'q"uote'];
  let parent: string;
  let run: string;
  let data: string;
  beforeAll(async () => {
    parent = mkdtempSync(join(tmpdir(), "equipoise-pictures-"));
    ({ run, data } = await fakeRun(parent, {
      classes: nasty,
      counts: [260, 260, 260, 260],
      epochs: 3,
      pretrainSteps: 60,
    }));
  });
  afterAll(() => rmSync(parent, { recursive: true }));

  it("are written as SVG, PNG and caption; all that a run has, and the reason for what it has not", async () => {
    const out = join(root, "figures");
    // The folders are named without marks, the classes with: 4 and 5 need them to agree.
    const written = await writeFigures([run], out);
    expect(written.figures.map(({ number }) => number)).toEqual([2, 6, 7, 9]);
    expect(written.missing.map(({ number }) => number)).toEqual([4, 5, 8]);
    expect(written.missing[0]!.reason).toContain("give the folder it was trained on");
    for (const { number, files } of written.figures) {
      const [svg, png, caption] = files.map((file) => readFileSync(file));
      const drawing = new Resvg(svg!.toString(), { font: { loadSystemFonts: false } });
      expect(pngSize(png!)).toEqual({ width: 2 * drawing.width, height: 2 * drawing.height });
      expect(svg!.toString()).not.toMatch(/var\(|<Dense>|NaN|undefined/);
      expect(caption!.toString()).toMatch(new RegExp(`^\\*\\*Figure ${number}\\. .+\\*\\* .{80}`));
    }
  });

  it("Figure 9 counts the mistakes of the run", async () => {
    const { rows } = await readPredictions(join(run, "predictions.csv"));
    const { figures: drawn } = await drawFigures(groupRuns((await loadRuns([run])).runs), { only: [9] });
    const shown = texts(drawn[0]!.drawing.markup).filter((text) => /^\d+×$/.test(text!));
    const kinds = new Map<string, number>();
    for (const { truth, predicted } of rows)
      if (truth !== predicted) kinds.set(`${truth}/${predicted}`, (kinds.get(`${truth}/${predicted}`) ?? 0) + 1);
    const expected = [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, n]) => `${n}×`);
    expect(shown).toEqual(expected);
    const wrong = [...kinds.values()].reduce((a, b) => a + b, 0);
    expect(drawn[0]!.caption).toContain(`misclassified: ${wrong} of ${rows.length}.`);
  });

  it("is missing when the images are gone", async () => {
    const { missing } = await drawFigures(groupRuns((await loadRuns([run])).runs), {
      only: [9],
      data: join(data, "no"),
    });
    expect(missing[0]!.reason).toContain("the test images are no longer in");
  });
});

describe("Figures 4 and 5", () => {
  it("show the smaller patch of two scales in the middle of the larger", async () => {
    const { run } = await fakeRun(root, { classes: ["A", "B"], counts: [40, 60], epochs: 1, pretrainSteps: 30 });
    const { runs } = await loadRuns([run]);
    const two = runs.map((one) => ({ ...one, config: { ...one.config, patch: { size: 64, smallSize: 32 } } }));
    const { figures: drawn } = await drawFigures(groupRuns(two), { only: [5] });
    expect(drawn[0]?.caption).toContain(
      "That of 32 px is the centre of that of 64 px, as a network of two scales sees it.",
    );
    const box =
      /<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="[\d.]+" fill="none" stroke="var\(--c([01])\)" stroke-width="2"/g;
    const boxes = [...(drawn[0]?.drawing.markup ?? "").matchAll(box)].map((found) => found.slice(1).map(Number));
    expect(boxes).toHaveLength(4);
    for (const at of [0, 2]) {
      const [small, large] = [boxes[at]!, boxes[at + 1]!];
      expect([small[3], large[3]]).toEqual([0, 1]);
      for (const axis of [0, 1]) expect(small[axis]! - large[axis]!).toBeCloseTo((large[2]! - small[2]!) / 2, 1);
    }
  });

  it("show patches that fit into their image, and how many images reach a scale", async () => {
    const { run } = await fakeRun(root, { classes: ["A", "B"], counts: [40, 60], epochs: 1, pretrainSteps: 30 });
    const { runs } = await loadRuns([run]);
    const { figures: drawn } = await drawFigures(groupRuns(runs), { only: [4, 5], scales: [32, 64, 120] });
    const [patches, colonies] = drawn.map(({ drawing }) => drawing.markup);
    // 4 test images of A and 6 of B are on disk, their sides are 80 to 119 px.
    expect(texts(patches!).filter((text) => text!.includes("fit"))).toEqual([
      ...["4 of 4 fit", "6 of 6 fit"],
      ...["4 of 4 fit", "6 of 6 fit"],
      ...["0 of 4 fit", "0 of 6 fit"],
    ]);
    expect(patches!.match(/<image /g)).toHaveLength(3 * 2 * 3);
    expect(texts(colonies!)).toEqual(expect.arrayContaining(["colony", "mask", "64 px", "A", "B", "no mask file"]));
    expect(drawn[1]!.caption).toContain("No mask file: A, B; the whole image counts as foreground.");
    const again = await drawFigures(groupRuns(runs), { only: [4], scales: [32, 64, 120] });
    expect(again.figures[0]!.drawing.markup).toBe(patches);
    await expect(drawFigures(groupRuns(runs), { scales: [4] })).rejects.toThrow(/--scales 4: 4 is no patch side/);
  });
});

describe("what it refuses", () => {
  it("runs for which nothing can be drawn, naming why", async () => {
    add("vgg19", 0, { epochs: 0 });
    await expect(writeFigures([root], join(root, "out"), { only: [2, 7] })).rejects.toThrow(
      /nothing can be drawn\. Figure 2: no run has finished an epoch yet; Figure 7: no run has sampling weights/,
    );
  });
  it("a folder that cannot be written", async () => {
    add("vgg19", 0);
    writeFileSync(join(root, "file"), "");
    await expect(writeFigures([root], join(root, "file", "x"))).rejects.toThrow(/--out .* cannot be written/);
  });
  it("nothing but unreadable runs; beside others they are listed", async () => {
    const broken = add("vgg19", 0);
    writeFileSync(join(broken, "result.json"), "{");
    await expect(loadRuns([root])).rejects.toThrow(/none of the 1 runs can be read; the first: .*result\.json/);
    add("vgg19", 1);
    const { runs, unreadable } = await loadRuns([root]);
    expect(runs).toHaveLength(1);
    expect(unreadable).toEqual([{ folder: broken, reason: expect.stringContaining("result.json") }]);
  });
});
