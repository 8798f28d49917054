import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parseCsv } from "../../../pipeline/data/csv.js";
import { formatOf, formatResultTable, tableOfRuns } from "../../../pipeline/statistics/index.js";
import { readFinishedRuns } from "../../../pipeline/statistics/runs.js";
import { fakeRun } from "../../support/fakeRun.js";
import { drawnEvaluation } from "../../support/fakeRuns.js";
import { add, addFolds, overall, root } from "./support.js";

describe("table of runs", () => {
  it("gives mean and standard deviation per configuration, and marks the best", () => {
    addFolds("vgg19", [0.6, 0.7, 0.8]);
    addFolds("ipb-vgg", [0.7, 0.9, 0.8]);
    const { rows, columns } = overall(tableOfRuns([root]));
    expect(columns[0]).toBe("balanced accuracy");
    expect(rows.map((row) => [row.configuration, row.runs])).toEqual([
      ["ipb-vgg", 3],
      ["vgg19", 3],
    ]);
    expect(rows[0]!.cells[0]).toEqual({ mean: expect.closeTo(0.8), std: expect.closeTo(0.1), n: 3, best: true });
    expect(rows[1]!.cells[0]).toEqual({ mean: expect.closeTo(0.7), std: expect.closeTo(0.1), n: 3, best: false });
  });

  it("averages each class over the runs and leaves a quotient 0/0 out", () => {
    const perClass = (precision: number | null) => [
      { class: "A", support: 4, recall: 0.5, precision, f1: 0.25, auroc: 0.75 },
      { class: "B", support: 4, recall: 1, precision: 0.5, f1: 0.5, auroc: 0.5 },
    ];
    const classes = ["A", "B"];
    add("one", { request: { config: "vgg19", fold: 0 }, classes, student: { perClass: perClass(null) } });
    add("two", { request: { config: "vgg19", fold: 1 }, classes, student: { perClass: perClass(0.25) } });
    const { tables } = tableOfRuns([root]);
    const cells = (metric: string) => tables.find((one) => one.metric === metric)!.rows[0]!.cells;
    expect(cells("recall").map((cell) => cell.mean)).toEqual([0.5, 1, 0.75]);
    expect(cells("precision")[0]).toEqual({ mean: 0.25, std: null, n: 1, best: false });
    expect(cells("precision")[2]).toMatchObject({ mean: (0.5 + 0.375) / 2, n: 2 });
    expect(cells("f1")[1]).toMatchObject({ mean: 0.5, std: 0, n: 2 });
    expect(cells("auroc")[0]!.mean).toBe(0.75);
  });

  it("tells settings of one configuration apart, and does not mix folders that differ in speed alone", () => {
    addFolds("ipb-vgg", [0.7, 0.8]);
    addFolds("ipb-vgg", [0.6, 0.7], ["meta.threshold=0.8"]);
    add("fast", { request: { config: "ipb-vgg", preset: "tiny", fold: 2, seed: 5, set: ["workers=7"] } });
    expect(overall(tableOfRuns([root])).rows.map((row) => [row.configuration, row.runs])).toEqual([
      ["ipb-vgg (meta.threshold=0.65)", 3],
      ["ipb-vgg (meta.threshold=0.8)", 2],
    ]);
  });

  it("names the recipe where it differs, and not what follows from it", () => {
    for (const recipe of ["paper", "small-data"]) add(recipe, { request: { config: "ipb-vgg", recipe } });
    const labels = overall(tableOfRuns([root])).rows.map((row) => row.configuration);
    expect(labels).toEqual(["ipb-vgg (recipe=paper)", "ipb-vgg (recipe=small-data)"]);
  });

  it("pairs runs by fold and seed", () => {
    addFolds("vgg19", [0.6, 0.7, 0.65, 0.7]);
    addFolds("ipb-vgg", [0.7, 0.82, 0.74]);
    const { comparisons } = tableOfRuns([root]).tests;
    expect(comparisons).toHaveLength(1);
    const [one] = comparisons;
    expect(one).toMatchObject({ a: "ipb-vgg", b: "vgg19", pairs: 3 });
    expect(one!.difference).toBeCloseTo(2.26 / 3 - 2.65 / 4);
    expect(one!.paired).toMatchObject({ n: 3, degreesOfFreedom: 2 });
    expect(one!.student).toMatchObject({ n: 7, degreesOfFreedom: 5 });
    expect(one!.wilcoxon).toMatchObject({ n: 3, p: 0.25 });
  });

  it("corrects over the comparisons that are made", () => {
    addFolds("vgg19", [0.6, 0.71, 0.65]);
    addFolds("ipb-vgg", [0.7, 0.82, 0.74]);
    addFolds("ms-ipb-vgg", [0.61, 0.7, 0.66]);
    expect(tableOfRuns([root]).tests.comparisons).toHaveLength(3);
    const { comparisons } = tableOfRuns([root], { against: "vgg19" }).tests;
    expect(comparisons.map(({ a, b }) => [a, b])).toEqual([
      ["ipb-vgg", "vgg19"],
      ["ms-ipb-vgg", "vgg19"],
    ]);
    const smallest = Math.min(...comparisons.map(({ paired }) => paired.p!));
    const first = comparisons.find(({ paired }) => paired.p === smallest)!;
    expect(first.paired.corrected).toBeCloseTo(2 * smallest, 12);
  });

  it("counts all metrics of one call as one family", () => {
    const folds = { vgg19: [0.6, 0.71, 0.65], "ipb-vgg": [0.7, 0.82, 0.74], "ms-ipb-vgg": [0.61, 0.7, 0.66] };
    for (const [config, values] of Object.entries(folds))
      for (const [fold, balancedAccuracy] of values.entries())
        add(`${config}${fold}`, {
          request: { config, fold, seed: 5 },
          student: { balancedAccuracy, macroF1: balancedAccuracy ** 2 },
        });
    const metrics = ["balancedAccuracy", "macroF1"] as const;
    const { tests, notes } = tableOfRuns([root], { metrics });
    expect(tests.comparisons.map(({ metric }) => metric)).toEqual([
      ...["balancedAccuracy", "balancedAccuracy", "balancedAccuracy"],
      ...["macroF1", "macroF1", "macroF1"],
    ]);
    const alone = tableOfRuns([root]).tests.comparisons;
    const smallest = Math.min(...tests.comparisons.map(({ paired }) => paired.p!));
    const first = tests.comparisons.find(({ paired }) => paired.p === smallest)!;
    expect(first.paired.corrected).toBeCloseTo(6 * smallest, 12);
    expect(tests.comparisons[0]!.paired.p).toBe(alone[0]!.paired.p);
    expect(notes.join(" ")).toContain("the family is the 6 comparisons on 2 metrics of this call");
  });

  it("tests single classes, as the article does", () => {
    const perClass = (recall: number) => [
      { class: "A", support: 4, recall, precision: null, f1: 0.25, auroc: 0.75 },
      { class: "B: b", support: 4, recall: recall / 2, precision: 0.5, f1: 0.5, auroc: 0.5 },
    ];
    const classes = ["A", "B: b"];
    for (const [config, recalls] of Object.entries({ vgg19: [0.5, 0.6, 0.55], "ipb-vgg": [0.7, 0.9, 0.65] }))
      for (const [fold, recall] of recalls.entries())
        add(`${config}${fold}`, { request: { config, fold }, classes, student: { perClass: perClass(recall) } });
    const { tests } = tableOfRuns([root], { metrics: ["recall:*", "precision:A"] });
    expect(tests.metrics).toEqual(["recall:A", "recall:B: b", "precision:A"]);
    expect(tests.comparisons.map(({ difference }) => difference)).toEqual([
      ...[expect.closeTo(0.2), expect.closeTo(0.1), null],
    ]);
    expect(tests.comparisons[0]!.student.p).toBeCloseTo(tests.comparisons[1]!.student.p!, 12);
    const text = formatResultTable(tableOfRuns([root], { metrics: ["recall:B: b"] }), "markdown");
    expect(text).toMatch(/\| ipb-vgg +\| vgg19 +\| recall of B: b +\| +\+0.1000 \|/);
    expect(() => tableOfRuns([root], { metrics: ["recall:C"] })).toThrow(
      '--metric recall:C: there is no class "C"; the classes are A, B: b',
    );
  });

  it("shows teachers beside students, like compared with like, and each student with its teacher", () => {
    const teacher = (balancedAccuracy: number) => ({ teacher: { balancedAccuracy } });
    for (const fold of [0, 1]) {
      add(`v${fold}`, { request: { config: "vgg19", fold }, student: { balancedAccuracy: 0.6 } });
      add(`i${fold}`, { request: { config: "ipb-vgg", fold }, student: { balancedAccuracy: 0.7 }, ...teacher(0.65) });
      add(`m${fold}`, { request: { config: "mpl-balanced", fold }, ...teacher(0.5 + fold / 10) });
      const old = join(root, `m${fold}`, "result.json");
      const { ensemble: _, ...result } = JSON.parse(readFileSync(old, "utf8"));
      writeFileSync(old, JSON.stringify(result));
    }
    const both = tableOfRuns([root], { network: "all" });
    expect(overall(both).rows.map((row) => [row.configuration, row.runs])).toEqual([
      ["ipb-vgg, student", 2],
      ["ipb-vgg, teacher", 2],
      ["ipb-vgg, ensemble", 2],
      ["mpl-balanced, student", 2],
      ["mpl-balanced, teacher", 2],
      ["vgg19, student", 2],
    ]);
    expect(overall(both).rows[1]!.cells[0]!.mean).toBeCloseTo(0.65);
    expect(both.tests.comparisons.map(({ a, b }) => `${a} - ${b}`)).toEqual([
      "ipb-vgg, student - ipb-vgg, teacher",
      "ipb-vgg, student - ipb-vgg, ensemble",
      "ipb-vgg, student - mpl-balanced, student",
      "ipb-vgg, student - vgg19, student",
      "ipb-vgg, teacher - ipb-vgg, ensemble",
      "ipb-vgg, teacher - mpl-balanced, teacher",
      "mpl-balanced, student - mpl-balanced, teacher",
      "mpl-balanced, student - vgg19, student",
    ]);
    expect(both.notes.join(" ")).toContain("Without a teacher: vgg19.");
    const teachers = tableOfRuns([root], { network: "teacher", gap: ["vgg19", "mpl-balanced"] });
    expect(overall(teachers).rows).toHaveLength(2);
    // The lower end has students only: (.65 - .6) / (.55 - .6).
    expect(teachers.gap!.rows).toEqual([expect.objectContaining({ configuration: "ipb-vgg", n: 2 })]);
    expect(teachers.gap!.rows[0]!.share).toBeCloseTo(-1);
    const ensembles = tableOfRuns([root], { network: "ensemble", against: "vgg19", metrics: ["accuracy"] });
    expect(overall(ensembles).rows.map((row) => row.configuration)).toEqual(["ipb-vgg"]);
    expect(ensembles.tests.comparisons.map(({ a, b }) => `${a} - ${b}`)).toEqual(["ipb-vgg - vgg19"]);
  });

  it("takes the figures on further images where they are asked for", () => {
    addFolds("vgg19", [0.6, 0.7]);
    addFolds("ipb-vgg", [0.7]);
    const tested = { student: drawnEvaluation(["Dense", "Diff", "Spread"], 2, 1), teacher: null };
    const file = join(root, "vgg19--0", "evaluate-far.json");
    writeFileSync(file, JSON.stringify({ data: "x", classes: ["Dense", "Diff", "Spread"], ...tested }));
    const table = tableOfRuns([root], { set: "far" });
    expect(table).toMatchObject({ runs: 1, untested: [join(root, "ipb-vgg--0"), join(root, "vgg19--1")] });
    expect(overall(table).rows[0]!.cells[0]!.mean).toBe(tested.student.balancedAccuracy);
    expect(table.notes[0]).toBe('Tested on further images, "far".');
    expect(() => tableOfRuns([root], { set: "near" })).toThrow(/--set near: none of the 3 finished runs was tested/);
    const other = { ...tested, student: drawnEvaluation(["Dense", "Diff", "Other"], 2, 1) };
    writeFileSync(file, JSON.stringify({ data: "x", classes: ["Dense", "Diff", "Spread"], ...other }));
    expect(() => tableOfRuns([root], { set: "far" })).toThrow(
      /evaluate-far.json: figures of the classes Dense, Diff, Other/,
    );
  });

  it("gives the share of the gap that is closed, paired over fold and seed", () => {
    addFolds("vgg19", [0.6, 0.61, 0.59, 0.7]);
    addFolds("ipb-vgg", [0.7, 0.72, 0.69]);
    addFolds("vgg19", [0.8, 0.82, 0.78, 0.9], ["data.supervisedOn=L+U"]);
    const ends = ["vgg19 (data.supervisedOn=L)", "vgg19 (data.supervisedOn=L+U)"] as const;
    const { gap } = tableOfRuns([root], { gap: ends });
    expect(gap).toMatchObject({ lower: ends[0], upper: ends[1] });
    expect(gap!.rows).toHaveLength(1);
    expect(gap!.rows[0]).toMatchObject({ configuration: "ipb-vgg", metric: "balancedAccuracy", n: 3, reason: null });
    expect(gap!.rows[0]!.share).toBeCloseTo(0.31 / 0.6, 12);
    const text = formatResultTable(tableOfRuns([root], { gap: ends }), "csv");
    const { rows } = parseCsv(text, "t.csv");
    const line = rows.find(({ values }) => values.kind === "gap")!.values;
    expect(Number(line.mean)).toBeCloseTo(0.31 / 0.6, 8);
    expect(Number(line.low)).toBeLessThan(Number(line.mean));
    expect(() => tableOfRuns([root], { gap: ["ipb-vgg", "ipb-vgg"] })).toThrow(/both are ipb-vgg; name two/);
    expect(() => tableOfRuns([root], { gap: ["vgg19", "ipb-vgg"] })).toThrow(/--gap vgg19: several configurations/);
  });

  it("says why there is no p-value", () => {
    addFolds("vgg19", [0.6]);
    addFolds("ipb-vgg", [0.7]);
    const table = tableOfRuns([root]);
    expect(table.tests.comparisons[0]!.student.p).toBeNull();
    const text = formatResultTable(table, "markdown");
    expect(text).toContain("ipb-vgg and vgg19, Student: no p-value, too few runs: 1 and 1");
    expect(text).not.toMatch(/NaN|undefined/);
  });

  it("gives one line to many comparisons that lack a test for one reason", () => {
    const names = ["vgg19", "hrnet", "ipb-vgg", "ms-ipb-vgg"];
    names.forEach((name, i) => {
      addFolds(name, [0.6 + 0.05 * i]);
    });
    addFolds("simclr", [0.6, 0.7]);
    const notes = formatResultTable(tableOfRuns([root]), "markdown").split("\n");
    const reasons = notes.filter((line) => line.includes("Student: no p-value"));
    expect(reasons).toContain(
      "- 6 comparisons, Student: no p-value, too few runs: 1 and 1, at least 2 of each are needed.",
    );
    expect(reasons.filter((line) => line.includes("simclr"))).toHaveLength(4);
    const every = notes.filter((line) => line.includes("Wilcoxon: no p-value"));
    expect(every).toHaveLength(1);
    expect(every[0]).toMatch(/^- 10 comparisons, Wilcoxon: no p-value, too few pairs/);
  });

  it("reads the run folders of the trainer's own format, and lists what has not finished", async () => {
    await fakeRun(join(root, "a"), { images: false });
    await fakeRun(join(root, "b"), { images: false, stopAfter: "train" });
    const { runs, unfinished } = readFinishedRuns([root]);
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ fold: 0, seed: 1, classes: ["Debris", "Dense", "Diff", "Spread"] });
    expect(unfinished).toEqual([join(root, "b", "ipb-vgg-seed1")]);
    expect(tableOfRuns([root]).runs).toBe(1);
  });

  it("counts a folder that is given twice once", () => {
    const run = add("run", { request: { config: "vgg19" } });
    expect(readFinishedRuns([root, run]).runs).toHaveLength(1);
  });
});

describe("what it refuses", () => {
  it("two runs of one fold and seed", () => {
    add("one", { request: { config: "vgg19" } });
    add("two", { request: { config: "vgg19" } });
    expect(() => tableOfRuns([root])).toThrow(/one and .*two: both are vgg19, fold 0, seed 0; give only one/);
  });
  it("runs of other classes", () => {
    add("one", { request: { config: "vgg19" } });
    add("two", { request: { config: "ipb-vgg" }, classes: ["x", "y"] });
    expect(() => tableOfRuns([root])).toThrow(/two has the classes x, y, but .*one has Dense, Diff, Spread/);
  });
  it("a folder without runs, or without finished ones", async () => {
    mkdirSync(join(root, "empty"));
    expect(() => tableOfRuns([join(root, "empty")])).toThrow(/empty: neither it nor the folders in it are runs/);
    expect(() => tableOfRuns([join(root, "none")])).toThrow(/there is no such folder/);
    await fakeRun(join(root, "b"), { images: false, stopAfter: "start" });
    expect(() => tableOfRuns([join(root, "b")])).toThrow(/none of the 1 runs has finished/);
  });
  it("a result that is no result", () => {
    const run = add("one", { request: { config: "vgg19" } });
    writeFileSync(join(run, "result.json"), '{"classes": ["a"]}');
    expect(() => tableOfRuns([root])).toThrow(/result\.json: "student" is not what a run writes/);
    writeFileSync(join(run, "result.json"), "{");
    expect(() => tableOfRuns([root])).toThrow(/result\.json: cannot be read/);
  });
  it("an unknown or ambiguous configuration to compare with", () => {
    addFolds("ipb-vgg", [0.7]);
    addFolds("ipb-vgg", [0.6], ["meta.threshold=0.8"]);
    expect(() => tableOfRuns([root], { against: "hrnet" })).toThrow(
      /--against hrnet: not in these runs; there are "ipb/,
    );
    expect(() => tableOfRuns([root], { against: "ipb-vgg" })).toThrow(/several configurations are called so/);
  });
});

describe("formats", () => {
  beforeEach(() => {
    addFolds("vgg19", [0.6, 0.7]);
    addFolds("ipb-vgg", [0.7, 0.9], ["data.groupBy=well_[0-9]+"]);
    addFolds("ipb-vgg", [0.5, 0.8]);
  });

  it("Markdown: every row of a table has the same columns, the best is bold", () => {
    const text = formatResultTable(tableOfRuns([root]), "markdown");
    const rows = text.split("\n").filter((line) => line.startsWith("|"));
    const columns = new Set(rows.map((row) => row.replaceAll("\\|", "").split("|").length));
    expect(columns.size).toBeLessThanOrEqual(4);
    expect(text).toContain("**0.8000 (0.1414)**");
    expect(text).toContain("it is precision");
    expect(text).toContain("Wilcoxon's p cannot fall below 0.05");
  });

  it("LaTeX: marks are escaped, tables are closed", () => {
    const text = formatResultTable(tableOfRuns([root]), "latex");
    expect(text).toContain("data.groupBy=well\\_[0-9]+");
    expect(text).toContain("\\textbf{0.8000 (0.1414)}");
    expect(text).toContain("compare the published ``TPR'' with this");
    expect(text.match(/\\begin\{/g)).toHaveLength(text.match(/\\end\{/g)!.length);
    for (const line of text.split("\n").filter((one) => !one.startsWith("%"))) expect(line).not.toMatch(/(?<!\\)[_%#]/);
  });

  it("CSV: reads back to the same figures and tests", () => {
    const table = tableOfRuns([root]);
    const { rows } = parseCsv(formatResultTable(table, "csv"), "table.csv");
    const found = rows.find(
      ({ values }) =>
        values.configuration === "vgg19" && values.metric === "balanced accuracy" && values.kind === "figure",
    )!.values;
    expect(Number(found.mean)).toBeCloseTo(0.65, 8);
    expect(Number(found.std)).toBeCloseTo(Math.SQRT1_2 / 10, 8);
    expect(rows.filter(({ values }) => values.kind === "test")).toHaveLength(9);
    const paired = rows.find(({ values }) => values.test === "paired" && values.p !== "")!.values;
    expect(Number(paired.p_holm)).toBeGreaterThanOrEqual(Number(paired.p));
  });

  it("is chosen by the ending of a file", () => {
    expect(["a.md", "a.TEX", "b/c.csv", "d.txt"].map(formatOf)).toEqual(["markdown", "latex", "csv", null]);
  });
});
