import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { figureList, nameList } from "../../cli/figures.js";
import { actions } from "../../cli/lazyActions.js";
import { writeFinishedRun } from "../support/fakeRuns.js";
import { run } from "./support.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "equipoise-figures-"));
  for (const seed of [0, 1])
    writeFinishedRun(join(root, `v${seed}`), { request: { config: "vgg19", seed }, epochs: 3 });
});
afterEach(() => rmSync(root, { recursive: true }));

const { writeFigures, writeReport } = actions;

describe("equipoise figures", () => {
  it("writes files and says what is missing", async () => {
    const out = join(root, "out");
    const { code, stdout, stderr } = await run(["figures", root, "--out", out, "--only", "2,7"], { writeFigures });
    expect(code).toBe(0);
    expect(stdout).toContain(`Figure 2. Losses over epochs: ${join(out, "figure-2.svg")}`);
    expect(stderr).toContain("no Figure 7 (Sampling weights over epochs): no run has sampling weights");
    expect(readdirSync(out).sort()).toEqual(["figure-2.md", "figure-2.png", "figure-2.svg"]);
  });

  it("prints one JSON document", async () => {
    const { stdout } = await run(["figures", root, "--out", join(root, "o"), "--only", "2", "--json"], {
      writeFigures,
    });
    expect(JSON.parse(stdout)).toMatchObject({ runs: 2, figures: [{ number: 2 }], missing: [], unreadable: [] });
  });

  it("says what is wrong", async () => {
    expect((await run(["figures", root], { writeFigures })).code).toBe(2);
    const wrong = await run(["figures", root, "--out", "o", "--only", "3"], { writeFigures });
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining('"3" is none; there are 2, 4, 5, 6, 7, 8, 9.'),
    ]);
    const none = await run(["figures", root, "--out", join(root, "o"), "--only", "7"], { writeFigures });
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("nothing can be drawn. Figure 7: no run")]);
  });

  it("reads lists", () => {
    expect(figureList("9, 2")).toEqual([9, 2]);
    expect(nameList("ipb-vgg (a=1, b=2), vgg19,")).toEqual(["ipb-vgg (a=1, b=2)", "vgg19"]);
  });
});

describe("equipoise report", () => {
  it("joins several runs, and shows one by itself", async () => {
    const joined = await run(["report", root], { writeReport });
    expect(joined.stdout).toBe(`${join(root, "report.html")}\n`);
    const one = await run(["report", join(root, "v0")], { writeReport });
    expect(one.stdout).toBe(`${join(root, "v0", "report.html")}\n`);
    const several = await run(["report", join(root, "v0"), join(root, "v1")], { writeReport });
    expect([several.code, several.stderr]).toEqual([1, expect.stringContaining("add --out FILE.html")]);
    const gap = await run(["report", root, "--gap", "vgg19"], { writeReport });
    expect(gap.stderr).toContain("--gap vgg19: give two configurations, LOWER and UPPER");
  });
});
