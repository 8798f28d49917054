import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tableOfRuns } from "../../../pipeline/statistics/index.js";
import { add, addFolds, overall, root } from "./support.js";

describe("names of experiments", () => {
  /** Runs of a plan with settings (a name and options each), as `equipoise experiment` leaves them. */
  function addPlan(plan: string, settings: Record<string, string[]>, folds = [0, 1]): void {
    const runs = Object.entries(settings).flatMap(([setting, set]) =>
      folds.map((fold) => {
        const label = setting === "" ? "ipb-vgg" : `ipb-vgg ${setting}`;
        const id = `${label.replace(" ", "-")}-fold${fold}`;
        add(join(plan, id), { request: { config: "ipb-vgg", preset: "tiny", fold, set }, skill: 1 + fold });
        return { id, label };
      }),
    );
    writeFileSync(join(root, plan, "experiment.json"), JSON.stringify({ name: plan, plan: "plan.yaml", runs }));
  }
  const labels = (options = {}) => overall(tableOfRuns([root], options)).rows.map((row) => row.configuration);

  it("are taken for rows, and for the configurations that options name", () => {
    addPlan("one", { plain: [], strict: ["meta.threshold=0.9"], "without-U": ["data.unlabelledFrom=L"] });
    expect(labels()).toEqual(["ipb-vgg plain", "ipb-vgg strict", "ipb-vgg without-U"]);
    const { tests, gap } = tableOfRuns([root], { against: "ipb-vgg plain", gap: ["ipb-vgg plain", "ipb-vgg strict"] });
    expect(tests.comparisons.map(({ a, b }) => [a, b])).toEqual([
      ["ipb-vgg strict", "ipb-vgg plain"],
      ["ipb-vgg without-U", "ipb-vgg plain"],
    ]);
    expect(gap!.rows.map(({ configuration }) => configuration)).toEqual(["ipb-vgg without-U"]);
  });

  it("stay with runs whose setting has left the plan", () => {
    addPlan("one", { plain: [], fixmatch: ["method=fixmatch"] });
    for (const [setting, set] of [
      ["fixmatch", ["method=fixmatch"]],
      ["plain", []],
    ] as const) {
      const request = { config: "ipb-vgg", preset: "tiny" as const, fold: 0, seed: 7, set: [...set] };
      add(join("one", `ipb-vgg-${setting}-fold0-seed7`), { request, skill: 1 });
    }
    const file = join(root, "one", "experiment.json");
    const { runs, ...rest } = JSON.parse(readFileSync(file, "utf8")) as { runs: { label: string }[] };
    writeFileSync(file, JSON.stringify({ ...rest, runs: runs.filter(({ label }) => label === "ipb-vgg plain") }));
    rmSync(join(root, "one", "ipb-vgg-fixmatch-fold0"), { recursive: true });
    rmSync(join(root, "one", "ipb-vgg-fixmatch-fold1"), { recursive: true });
    const rows = overall(tableOfRuns([root])).rows.map((row) => [row.configuration, row.runs]);
    expect(rows).toEqual([
      ["ipb-vgg plain", 3],
      ["ipb-vgg fixmatch", 1],
    ]);
  });

  it("leave the names by options usable", () => {
    addPlan("one", { plain: [], strict: ["meta.threshold=0.9"] });
    expect(tableOfRuns([root], { against: "ipb-vgg (meta.threshold=0.9)" }).tests.against).toBe("ipb-vgg strict");
  });

  it("have the plan with them where two plans share one", () => {
    addPlan("one", { strict: ["meta.threshold=0.9"], plain: [] });
    addPlan("two", { strict: ["meta.threshold=0.8"] });
    // In the order of the plan.
    expect(labels()).toEqual(["ipb-vgg strict (plan one)", "ipb-vgg plain", "ipb-vgg strict (plan two)"]);
    expect(tableOfRuns([root], { against: "ipb-vgg strict (plan two)" }).tests.comparisons).toHaveLength(2);
    expect(() => labels({ against: "ipb-vgg strict" })).toThrow(/--against ipb-vgg strict: several configurations/);
  });

  it("are followed by options where even the plans are called the same", () => {
    addPlan(join("a", "one"), { strict: ["meta.threshold=0.9"] });
    addPlan(join("b", "one"), { strict: ["meta.threshold=0.8"] });
    for (const parent of ["a", "b"]) {
      const file = join(root, parent, "one", "experiment.json");
      writeFileSync(file, readFileSync(file, "utf8").replace(`"name":"${parent}/one"`, '"name":"one"'));
    }
    expect(labels()).toEqual([
      "ipb-vgg strict (plan one, meta.threshold=0.9)",
      "ipb-vgg strict (plan one, meta.threshold=0.8)",
    ]);
  });

  it("stay one row where two plans make runs of the same", () => {
    addPlan("one", { strict: ["meta.threshold=0.9"] });
    addPlan("two", { strict: ["meta.threshold=0.9"] }, [2, 3]);
    addFolds("vgg19", [0.5]);
    expect(overall(tableOfRuns([root])).rows.map((row) => [row.configuration, row.runs])).toEqual([
      ["ipb-vgg strict", 4],
      ["vgg19", 1],
    ]);
  });

  it("are options again where plans call the same differently, and without a plan or its settings", () => {
    addPlan("one", { strict: ["meta.threshold=0.9"] });
    addPlan("two", { severe: ["meta.threshold=0.9"] }, [2]);
    addPlan("three", { "": ["meta.threshold=0.7"] });
    addFolds("ipb-vgg", [0.5]);
    expect(labels()).toEqual([0.65, 0.9, 0.7].map((threshold) => `ipb-vgg (meta.threshold=${threshold})`));
    expect(tableOfRuns([root], { against: "ipb-vgg severe" }).tests.against).toBe("ipb-vgg (meta.threshold=0.9)");
  });

  it("do not count among the options that tell others apart", () => {
    addPlan("one", { plain: [], strict: ["meta.threshold=0.9"], "without-U": ["data.unlabelledFrom=L"] });
    addFolds("ipb-vgg", [0.5], ["data.labelledFraction=0.2"]);
    expect(labels()).toEqual(["ipb-vgg", "ipb-vgg plain", "ipb-vgg strict", "ipb-vgg without-U"]);
    addFolds("ipb-vgg", [0.5], ["data.labelledFraction=0.3"]);
    expect(labels().slice(0, 2)).toEqual([0.2, 0.3].map((share) => `ipb-vgg (data.labelledFraction=${share})`));
    expect(tableOfRuns([root], { against: "ipb-vgg strict" }).tests.comparisons).toHaveLength(4);
  });

  it("come from records of earlier versions, too; a damaged one is named", () => {
    addPlan("one", { plain: [], strict: ["meta.threshold=0.9"] });
    addPlan("two", { strict: ["meta.threshold=0.8"] });
    const file = join(root, "one", "experiment.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"name":"one",', ""));
    expect(labels()).toContain("ipb-vgg strict (plan one)");
    writeFileSync(file, '{"runs": 3}');
    expect(() => labels()).toThrow(/one.experiment\.json: "runs" is not what an experiment writes/);
  });
});
