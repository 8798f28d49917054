import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { actions } from "../../cli/lazyActions.js";
import { writeFinishedRun } from "../support/fakeRuns.js";
import { run } from "./support.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-table-"));
  for (const config of ["vgg19", "ipb-vgg"])
    for (const fold of [0, 1, 2]) writeFinishedRun(join(root, `${config}-${fold}`), { request: { config, fold } });
});
afterEach(() => rmSync(root, { recursive: true }));

const { tableOfRuns } = actions;

it("prints Markdown to stdout", async () => {
  const { code, stdout, stderr } = await run(["table", root], { tableOfRuns });
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("### Recall (true TPR");
  expect(stdout).toContain("| ipb-vgg");
});

it("prints one JSON document", async () => {
  const { stdout } = await run(["table", root, "--json", "--against", "vgg19", "--metric", "macroF1"], { tableOfRuns });
  const table = JSON.parse(stdout);
  expect(table.runs).toBe(6);
  expect(table.tests).toMatchObject({ metrics: ["macroF1"], against: "vgg19" });
});

it("tests several metrics as one family, for teachers too", async () => {
  const { stdout } = await run(["table", root, "--json", "--metric", "all"], { tableOfRuns });
  const { tests } = JSON.parse(stdout);
  expect(tests.metrics).toEqual(["balancedAccuracy", "macroF1", "precision", "auroc", "accuracy"]);
  expect(tests.comparisons).toHaveLength(5);
  const { code, stderr } = await run(["table", root, "--network", "teacher"], { tableOfRuns });
  expect(code).toBe(1);
  expect(stderr).toContain("--network teacher: none of these runs has figures of it");
  const wrong = await run(["table", root, "--metric", "macroF1,recal"], { tableOfRuns });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('"recal" is none; give all, or some of balancedAccuracy,');
});

it("gives the share of a gap between two configurations that others close", async () => {
  for (const fold of [0, 1, 2])
    writeFinishedRun(join(root, `hrnet-${fold}`), { request: { config: "hrnet", fold }, skill: 3 });
  const { code, stdout } = await run(["table", root, "--gap", "vgg19", "hrnet"], { tableOfRuns });
  expect(code).toBe(0);
  expect(stdout).toContain("### Share of the gap from vgg19 to hrnet that is closed");
  expect(stdout).toMatch(/\| ipb-vgg +\| balanced accuracy +\| +3 \| +-?\d+ % \|/);
  const swallowed = await run(["table", "--gap", "vgg19", "hrnet", root], { tableOfRuns });
  expect(swallowed.code).not.toBe(0);
  const one = await run(["table", root, "--gap", "vgg19"], { tableOfRuns });
  expect(one.stderr).toContain("--gap vgg19: give two configurations, LOWER and UPPER");
});

it.each([
  ["t.tex", /\\begin\{tabular\}/],
  ["t.csv", /^kind,configuration/],
  ["t.md", /^### Recall/],
])("writes %s in the format of its ending", async (name, content) => {
  const out = join(root, name);
  const { code, stdout } = await run(["table", root, "--out", out], { tableOfRuns });
  expect(code).toBe(0);
  expect(stdout).toContain(`6 runs: ${out}`);
  expect(readFileSync(out, "utf8")).toMatch(content);
});

it("says what is wrong in one line", async () => {
  const missing = join(root, "none");
  const { code, stderr } = await run(["table", missing], { tableOfRuns });
  expect(code).toBe(1);
  expect(stderr).toBe(`error: ${missing}: there is no such folder; give the folders of runs, or one that holds them\n`);
  expect((await run(["table", root, "--format", "html"], { tableOfRuns })).code).toBe(2);
  expect((await run(["table", root, "--out", join(root, "no", "t.md")], { tableOfRuns })).stderr).toContain(
    "cannot be written",
  );
});
