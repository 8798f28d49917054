import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parseCsv } from "../../../pipeline/data/csv.js";
import { readPlan } from "../../../pipeline/experiment/plan.js";
import { FakeRunner, plan, root, small, start, write } from "./support.js";

describe("evaluate", () => {
  const withTests = `${small.replace("folds: [0, 1]", "folds: [0]")}evaluate: [test, more images]\n`;
  beforeEach(() => {
    for (const name of ["test", "more images", "other"]) mkdirSync(join(root, name));
  });
  const records = () => JSON.parse(readFileSync(join(root, "runs", "demo", "experiment.json"), "utf8")).runs;

  it("tests every run on further images, and keeps figures, a table and a file per run", async () => {
    write(withTests);
    const runner = new FakeRunner();
    await start(runner);
    expect(runner.calls).toEqual(
      ["vgg19", "ipb-vgg"].flatMap((name) => [
        `train ${name}-fold0-seed3`,
        `evaluate ${name}-fold0-seed3 on test`,
        `evaluate ${name}-fold0-seed3 on more images`,
      ]),
    );
    const folder = join(root, "runs", "demo");
    const file = JSON.parse(readFileSync(join(folder, "vgg19-fold0-seed3", "evaluate-more-images.json"), "utf8"));
    expect(file).toMatchObject({
      data: join(root, "more images"),
      classes: ["Dense", "Diff", "Spread"],
      majority: null,
    });
    expect(records()[0].evaluations["more-images"]).toMatchObject({
      student: { balancedAccuracy: file.student.balancedAccuracy },
      teacher: { macroF1: file.teacher.macroF1 },
      ensemble: { auroc: file.ensemble.auroc },
    });
    const { rows } = parseCsv(readFileSync(join(folder, "runs-more-images.csv"), "utf8"), "runs.csv");
    const networks = ["student", "teacher", "ensemble"];
    expect(rows.map(({ values }) => [values.network, Number(values.balancedAccuracy)])).toEqual(
      [...networks, ...networks].map((network) => [network, file[network].balancedAccuracy]),
    );
    expect(readFileSync(join(folder, "table-test.md"), "utf8")).toMatch(/^Tested on further images, "test": .*\n\n/);
    await start(runner);
    expect(runner.calls).toHaveLength(6);
  });

  it("a set that is added later, or lies elsewhere now, is tested without training again", async () => {
    write(small);
    const runner = new FakeRunner();
    await start(runner);
    const added = (path: string) => write(`${small}evaluate: {new: ${path}}\n`);
    added("test");
    expect((await start(runner, { dryRun: true })).runs.every((run) => run.status === "started")).toBe(true);
    await start(runner);
    expect(runner.calls.slice(4)).toEqual(
      [0, 1].flatMap((fold) => ["vgg19", "ipb-vgg"].map((name) => `evaluate ${name}-fold${fold}-seed3 on test`)),
    );
    added("other");
    await start(runner);
    expect(runner.calls.slice(8)).toHaveLength(4);
    expect(runner.calls[8]).toMatch(/on other$/);
  });

  it("a test that fails is recorded beside the run's own figures, and tried again", async () => {
    write(withTests);
    const runner = new FakeRunner();
    runner.instead = () => {
      if (runner.calls.at(-1)?.startsWith("evaluate")) throw new Error("class Cat is not known");
    };
    const failed = (await start(runner)).runs[0];
    expect(failed).toMatchObject({
      status: "failed",
      error: "class Cat is not known",
      balancedAccuracy: expect.any(Number),
    });
    runner.instead = null;
    const { runs } = await start(runner);
    expect(runs.map((run) => run.status)).toEqual(["done", "done"]);
    expect(runner.calls.filter((call) => call.startsWith("train"))).toHaveLength(2);
  });

  it("refuses a damaged file, folders that are not there, and two of one name", async () => {
    write(`${small}evaluate: [test]\n`);
    const runner = new FakeRunner();
    await start(runner);
    writeFileSync(
      join(root, "runs", "demo", "vgg19-fold0-seed3", "evaluate-test.json"),
      '{"data": "x", "teacher": null}',
    );
    await expect(start(runner)).rejects.toThrow(/evaluate-test\.json: "student" is not what .* remove it/);
    write(`${small}evaluate:\n  - test\n  - tset`);
    expect(() => readPlan(plan)).toThrow(/demo\.yaml:8: .*tset is no folder; give folders of labelled images/);
    write(`${small}evaluate: [test, test]`);
    expect(() => readPlan(plan)).toThrow(/demo\.yaml:6: there are two sets "test"/);
    write(`${small}evaluate: 3`);
    expect(() => readPlan(plan)).toThrow(/demo\.yaml:6: "evaluate" must be folders of labelled images .* found 3/);
  });
});
