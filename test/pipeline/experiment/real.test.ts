import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { temporaryFolder, writeImages } from "../run/images.js";
import { cli, quick } from "../run/support.js";

const folder = temporaryFolder();
afterAll(folder.remove);

test("two processes share two real runs, tested on further images too, a comparison of both, and nothing left to do the second time", async () => {
  writeImages(join(folder.path, "data"));
  const more = writeImages(join(folder.path, "more"), { counts: [3, 4, 5, 6], seed: 5 });
  const set = [...quick, "workers=0"].map((text) => `  ${text.replace("=", ": ")}`).join("\n");
  const plan = join(folder.path, "tiny.yaml");
  writeFileSync(plan, `data: data\nconfigs: [vgg19]\npreset: tiny\nfolds: [0, 1]\nevaluate: [more]\nset:\n${set}\n`);
  const args = ["experiment", plan, "--out", join(folder.path, "runs"), "--json"];
  const both = await Promise.all([cli(args), cli(args)]);
  for (const { code, stderr } of both) expect(code, stderr).toBe(0);
  const first = both.find(({ stdout }) => !stdout.includes("elsewhere"))!;
  const { runs } = JSON.parse(first.stdout) as { runs: { id: string; status: string; balancedAccuracy: number }[] };
  expect(runs.map(({ id, status }) => [id, status])).toEqual([
    ["vgg19-fold0-seed0", "done"],
    ["vgg19-fold1-seed0", "done"],
  ]);
  const root = join(folder.path, "runs", "tiny");
  for (const { id } of runs) {
    const lines = readFileSync(join(root, id, "log.txt"), "utf8").split("\n");
    expect(lines.filter((line) => line.includes("vgg19, preset tiny"))).toHaveLength(1);
    expect(readdirSync(join(root, id))).not.toContain("run.lock");
  }
  const table = readFileSync(join(root, "table.md"), "utf8");
  const mean = runs.reduce((sum, run) => sum + run.balancedAccuracy, 0) / 2;
  expect(table).toContain(`${mean.toFixed(4)} (`);
  const evaluated = JSON.parse(readFileSync(join(root, "vgg19-fold0-seed0", "evaluate-more.json"), "utf8"));
  const { stdout } = await cli(["evaluate", join(root, "vgg19-fold0-seed0"), "--data", more, "--json"]);
  expect({ ...evaluated, run: undefined }).toEqual({ data: more, ...JSON.parse(stdout), run: undefined });
  expect(evaluated.student.n).toBe(18);
  const again = await cli(args);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).not.toContain("running");
  expect(JSON.parse(again.stdout).runs).toMatchObject(runs);
});
