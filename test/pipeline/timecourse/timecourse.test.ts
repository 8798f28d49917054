import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { parseCsv } from "../../../pipeline/data/csv.js";
import { pngSize } from "../../../pipeline/figures/png.js";
import { writePredictions } from "../../../pipeline/run/predictions.js";
import { holm } from "../../../pipeline/statistics/tests.js";
import { summaries } from "../../../pipeline/timecourse/curves.js";
import { binned, toHours } from "../../../pipeline/timecourse/hours.js";
import { timeCourse } from "../../../pipeline/timecourse/timecourse.js";
import { curvesCsv, testsCsv, timecourseRun, wellsCsv } from "../../../pipeline/timecourse/timecourseRun.js";
import { findings, markdown } from "../../../pipeline/timecourse/words.js";
import { defaults, fixture, tableOf } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "timecourse-"));
afterAll(() => rmSync(folder, { recursive: true }));
const table = tableOf(fixture.classes, fixture.rows);

describe("curves and summaries are those of NumPy and SciPy", () => {
  test.each(fixture.courses)(
    "weight $weight, $hoursPerFrame h per frame",
    ({ weight, hoursPerFrame, curves, wells }) => {
      const options = { ...defaults, weight, hoursPerFrame };
      const course = timeCourse(table, options, "p.csv");
      const points = course.curves.flatMap(({ condition, class: c, points }) =>
        points.map((point) => ({ condition, class: fixture.classes[c], ...point })),
      );
      expect(points).toHaveLength(curves.length);
      for (const [i, point] of points.entries()) {
        const { mean, sd, low, high, ...same } = curves[i]!;
        expect(point).toMatchObject(same);
        expect([point.mean, point.sd, ...point.band!].map((v) => v!.toFixed(7))).toEqual(
          [mean, sd, low, high].map((v) => v.toFixed(7)),
        );
      }
      for (const summary of summaries) {
        const made = timeCourse(table, { ...options, summary }, "p.csv").summaries;
        expect(made.map(({ well }) => well)).toEqual(wells.map(({ well }) => well));
        for (const [i, { values }] of made.entries())
          for (const [c, value] of values.entries()) expect(value).toBeCloseTo(wells[i]![summary][c]!, 10);
      }
    },
  );

  test("a well without colonies at a time is missing there, not zero", () => {
    const { curves } = timeCourse(table, defaults, "p.csv");
    const at6 = curves.filter(({ condition }) => condition === "drug").map(({ points }) => points[2]!);
    expect(at6.map(({ hours, wells }) => [hours, wells])).toEqual([
      [6, 3],
      [6, 3],
      [6, 3],
    ]);
  });
});

describe("comparisons", () => {
  test("are of every pair, or with the control only, corrected over all of a kind", () => {
    const rows = fixture.rows.map((row, i) => ({
      ...row,
      condition: row.well === "B04" || row.well === "B03" ? "other" : row.condition,
      n: i,
    }));
    const three = tableOf(fixture.classes, rows);
    const all = timeCourse(three, defaults, "p.csv");
    expect(all.conditions).toEqual(["control", "drug", "other"]);
    expect(all.comparisons).toHaveLength(3 * 3);
    expect(all.overall.map(({ kruskal }) => kruskal.p !== null)).toEqual([true, true, true]);
    const ps = all.comparisons.map(({ welch }) => welch.p);
    expect(all.comparisons.map(({ welch }) => welch.corrected)).toEqual(holm(ps));
    const control = timeCourse(three, { ...defaults, control: "other" }, "p.csv");
    expect(control.conditions).toEqual(["other", "control", "drug"]);
    expect(control.comparisons.map(({ a, b }) => `${a}/${b}`).slice(0, 2)).toEqual(["other/control", "other/drug"]);
    expect(control.comparisons).toHaveLength(3 * 2);
    expect(() => timeCourse(three, { ...defaults, control: "none" }, "p.csv")).toThrow(
      'p.csv: no well has condition "none"; --control is one of control, drug, other',
    );
  });

  test("count wells, never colonies: ten times the colonies change nothing", () => {
    const once = timeCourse(table, defaults, "p.csv");
    const tenfold = tableOf(fixture.classes, Array.from({ length: 10 }, () => fixture.rows).flat());
    const many = timeCourse(tenfold, defaults, "p.csv");
    for (const [i, one] of once.comparisons.entries()) {
      expect(many.comparisons[i]!.welch.p).toBeCloseTo(one.welch.p!, 12);
      expect(many.comparisons[i]!.rankSum.p).toBeCloseTo(one.rankSum.p!, 12);
    }
  });

  test("say what a clear difference is, in words", () => {
    const wells = ["A1", "A2", "A3", "A4", "B1", "B2", "B3", "B4"];
    const rows = wells.flatMap((well, w) =>
      Array.from({ length: 20 }, (_, i) => ({
        ...{ well, time: "0", condition: well.startsWith("A") ? "control" : "nicotine" },
        class: i < (well.startsWith("A") ? 2 : 10) + (w % 3) ? "Diff" : "Dense",
      })),
    );
    const course = timeCourse(tableOf(["Dense", "Diff"], rows), defaults, "p.csv");
    expect(findings(course)[1]).toMatch(
      /^nicotine has more Diff than control: 5\d\.\d % against 1\d\.\d %, a difference of \+\d+\.\d points \(\+\d+\.\d to \+\d+\.\d\) \(Welch's t-test, p < 0\.0001 after Holm/,
    );
    expect(findings(course)[0]).toMatch(/^nicotine has less Dense than control/);
    const later = rows.map((row) => ({ ...row, time: "24", class: row.condition === "control" ? "Dense" : row.class }));
    const slopes = timeCourse(
      tableOf(["Dense", "Diff"], [...rows, ...later]),
      { ...defaults, summary: "slope" },
      "p.csv",
    );
    expect(findings(slopes)[1]).toMatch(
      /^Diff rises more \(or falls less\) with nicotine than with control: 0\.0 points\/day against -1\d\.\d points\/day, a difference of \+1\d\.\d points\/day/,
    );
  });

  test("with too few wells say that and why no test is possible", () => {
    const single = tableOf(
      fixture.classes,
      fixture.rows.filter(({ well }) => well !== "A02" && well !== "A03"),
    );
    const course = timeCourse(single, defaults, "p.csv");
    expect(course.comparisons.every(({ welch, rankSum }) => welch.p === null && rankSum.p === null)).toBe(true);
    expect(course.notes.join(" ")).toMatch(
      /No test is possible with control: it has one well\. Colonies of one well share/,
    );
    const wells = ["A01", "B01"];
    const one = tableOf(
      fixture.classes,
      fixture.rows.filter(({ well }) => wells.includes(well)),
    );
    expect(timeCourse(one, defaults, "p.csv").notes.join(" ")).toMatch(
      /with control, drug: they have one well each\. /,
    );
    expect(findings(course)).toEqual([]);
    expect(markdown(course, "p.csv", "x.png")).toContain("No p-value where too few wells: 4 and 1");
    const alone = tableOf(
      fixture.classes,
      fixture.rows.filter(({ condition }) => condition === "drug"),
    );
    expect(timeCourse(alone, defaults, "p.csv").notes.join(" ")).toContain("There is one condition only, drug");
    const three = tableOf(
      fixture.classes,
      fixture.rows.filter(({ well }) => well !== "B04"),
    );
    expect(timeCourse(three, defaults, "p.csv").notes.join(" ")).toContain(
      "With 3 and 3 wells the rank-sum test cannot give less than p = 0.10, whatever the data",
    );
    const more = fixture.rows.flatMap((row) => [row, { ...row, well: row.well.replace("0", "1") }]);
    expect(timeCourse(tableOf(fixture.classes, more), defaults, "p.csv").notes).toEqual([]);
  });
});

describe("replicates and times", () => {
  const row = { well: "A1", time: "0", condition: "x", class: "Diff", area: 5 };
  const from = (...rows: Partial<Record<keyof typeof row, string | number>>[]) =>
    tableOf(
      fixture.classes,
      rows.map((change) => ({ ...row, ...change, class: "Diff" })),
    );

  test("a well may be written in several ways; the same well of two plates needs the plate's name", () => {
    const { wells } = timeCourse(from({}, { well: "A01" }, { well: "a1", time: "1" }), defaults, "p.csv");
    expect(wells).toMatchObject([{ well: "A01", hours: [0, 1], colonies: [2, 1] }]);
    const clash = from({}, { condition: "y" });
    expect(() => timeCourse(clash, defaults, "p.csv")).toThrow(
      'p.csv: A01 has condition "x" and "y"; a well has one. If several plates have a well A01, name them apart: --replicate plate,well',
    );
    const plates = tableOf(fixture.classes, [
      { ...row, plate: 1 },
      { ...row, condition: "y", plate: 2 },
    ]);
    const course = timeCourse(plates, { ...defaults, replicate: ["plate", "well"] }, "p.csv");
    expect(course.wells.map(({ well }) => well)).toEqual(["1 A01", "2 A01"]);
  });

  test("images without well, time or condition are left out and told", () => {
    const course = timeCourse(from({}, { condition: "" }, { well: "" }), defaults, "p.csv");
    expect(course.wells[0]!.colonies).toEqual([1]);
    expect(course.notes.slice(0, 2)).toEqual([
      "1 image(s) have no condition and are left out: 1.png",
      "1 image(s) have no well and are left out: 2.png",
    ]);
  });

  test.each([
    [
      { by: "drug" },
      from({}),
      /there is no column "drug"; it has well, time, condition, area\. To get it, predict with --plate/,
    ],
    [{}, tableOf(["Diff"], [{ class: "Diff", condition: "x" }]), /no column "well".*"equipoise detect" wrote/],
    [{ weight: "area" as const }, from({ area: "n/a" }), /0\.png: area is "n\/a", expected a number above 0/],
    [{}, from({ time: "noon" }), /time "noon" is not understood; give a frame number/],
    [{}, from({}, { time: "00d01h00m" }), /time "0" and time "00d01h00m" are written in two ways/],
    [{}, from({ well: "" }), /no colony has all of condition, well, time/],
  ])("refuses %j", (change, bad, message) => {
    expect(() => timeCourse(bad, { ...defaults, ...change }, "p.csv")).toThrow(UserError);
    expect(() => timeCourse(bad, { ...defaults, ...change }, "p.csv")).toThrow(message);
  });

  test("times are frames, durations or dates", () => {
    expect(toHours(["0", "07", "12"], 0.5, "t")).toEqual([0, 3.5, 6]);
    expect(toHours(["01d02h30m", "00d00h15m"], 9, "t")).toEqual([26.5, 0.25]);
    expect(toHours(["2024y05m10d_12h30m", "2024y05m09d_12h00m"], 9, "t")).toEqual([24.5, 0]);
    expect(toHours(["2024-12-31T23:00", "2025-01-01 01:30:00Z"], 9, "t")).toEqual([0, 2.5]);
    expect([2.9, 3.1, 4.6].map((hours) => binned(hours, 3))).toEqual([3, 3, 6]);
    expect(binned(2.9, null)).toBe(2.9);
  });

  test("wells imaged minutes apart share a time point when they are put together", () => {
    const rows = ["00d00h00m", "00d00h10m", "00d04h05m", "00d03h55m"].map((time, i) => ({
      time,
      well: i % 2 ? "A2" : "A1",
    }));
    const apart = timeCourse(from(...rows), defaults, "p.csv");
    expect(apart.curves[1]!.points.map(({ wells }) => wells)).toEqual([1, 1, 1, 1]);
    const together = timeCourse(from(...rows), { ...defaults, bin: 2 }, "p.csv");
    expect(together.curves[1]!.points.map(({ hours, wells }) => [hours, wells])).toEqual([
      [0, 2],
      [4, 2],
    ]);
  });
});

describe("what is written", () => {
  test("tables, chart, page and summary, from a table of predictions", async () => {
    const file = join(folder, "p.csv");
    const rows = table.rows.map(({ file: name, probabilities }) => ({ file: name, probabilities }));
    const more = {
      columns: table.columns,
      rows: table.rows.map((row) => ({ ...row.more, condition: row.more.condition === "drug" ? "=drug" : "<b>" })),
    };
    await writePredictions(file, rows, table.classes, more);
    const { out, course, text } = await timecourseRun(file, defaults);
    expect(out).toBe(join(folder, "p_timecourse"));
    const names = [
      "summaries.csv",
      "summary.md",
      "tests.csv",
      "timecourse.csv",
      "timecourse.html",
      "timecourse.png",
      "timecourse.svg",
      "wells.csv",
    ];
    expect(readdirSync(out).sort()).toEqual(names);
    const read = (name: string) => readFileSync(join(out, name), "utf8");
    expect(course.conditions).toEqual(["<b>", "=drug"]);
    const capital = await timecourseRun(file, { ...defaults, by: "Condition", out: join(folder, "capital") });
    expect(capital.course.conditions).toEqual(course.conditions);
    expect(read("summary.md")).toBe(text);
    expect(text).toContain("Wells are the replicates, not colonies.");
    const html = read("timecourse.html");
    expect(html).toContain("&lt;b&gt;");
    expect(html).not.toMatch(/<b>|<script|https?:\/\/(?!www\.w3\.org)/);
    expect(html.match(/<figure>/g)).toHaveLength(fixture.classes.length);
    const svg = read("timecourse.svg");
    expect(svg).not.toContain("var(--");
    expect(svg).toMatch(/Bands: 95 % interval of the mean/);
    expect(pngSize(readFileSync(join(out, "timecourse.png"))).width).toBeGreaterThan(1500);
    for (const name of names.filter((one) => one.endsWith(".csv"))) {
      expect(read(name)).not.toMatch(/(^|[\r\n,])=/);
      expect(parseCsv(read(name), name).rows.length).toBeGreaterThan(0);
    }
  });

  test("the numbers of the tables are those of the course", () => {
    const course = timeCourse(table, { ...defaults, control: "control" }, "p.csv");
    const curves = parseCsv(curvesCsv(course), "c").rows;
    expect(curves).toHaveLength(2 * 3 * 4);
    const point = course.curves[1]!.points[2]!;
    const row = curves.find(
      ({ values: v }) => v.condition === "control" && v.class === "Diff" && v.hours === "6",
    )!.values;
    expect([row.mean, row.low95].map(Number).map((v) => v.toFixed(8))).toEqual(
      [point.mean, point.band![0]].map((v) => v.toFixed(8)),
    );
    for (const { values } of parseCsv(wellsCsv(course), "w").rows) {
      const shares = fixture.classes.map((name) => Number(values[name]));
      expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 7);
    }
    const tests = parseCsv(testsCsv(course), "t").rows.map(({ values }) => values);
    expect(tests.map(({ test: name }) => name)).toEqual([
      "welch",
      "rank-sum",
      "welch",
      "rank-sum",
      "welch",
      "rank-sum",
    ]);
    expect(Number(tests[2]!.p)).toBeCloseTo(course.comparisons[1]!.welch.p!, 8);
    expect(Number(tests[2]!.difference)).toBeCloseTo(course.comparisons[1]!.difference!.estimate, 8);
    expect(Number(tests[2]!.mean) - Number(tests[2]!.mean_other)).toBeCloseTo(Number(tests[2]!.difference), 7);
    expect([tests[2]!.condition, tests[2]!.compared_with]).toEqual(["drug", "control"]);
  });
});
