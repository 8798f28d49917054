import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tableOfRuns } from "../../../pipeline/statistics/index.js";
import { drawnEvaluation } from "../../support/fakeRuns.js";
import { FakeRunner, root, start, write } from "./support.js";

const settings = "settings: {plain: {}, strict: {meta.threshold: 1}}\n";

/** Writes runs whose figures differ by configuration, setting, fold and seed. */
function variedRunner(): FakeRunner {
  const runner = new FakeRunner();
  const train = runner.trainRun;
  runner.trainRun = async (options) => {
    const { config, out } = options;
    const result = await train(options);
    const file = join(out, "result.json");
    const skill = (config.method === "supervised" ? 0.5 : 1.5) + config.meta.threshold;
    const student = drawnEvaluation(["Dense", "Diff", "Spread"], skill, 10 * config.seed + config.data.fold);
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), student }));
    return result;
  };
  return runner;
}

/** Figures, tests against the lower end and shares of a table, in the order of their names. */
const comparable = (paths: string[]) => {
  const [lower, upper] = ["vgg19 plain", "ipb-vgg strict"] as const;
  const { tables, tests, gap, runs } = tableOfRuns(paths, { gap: [lower, upper], against: lower });
  const sorted = <T extends object>(rows: readonly T[], key: keyof T) =>
    [...rows].sort((a, b) => String(a[key]).localeCompare(String(b[key])));
  return {
    tables: tables.map((one) => ({ ...one, rows: sorted(one.rows, "configuration") })),
    comparisons: sorted(tests.comparisons, "a"),
    shares: sorted(gap?.rows ?? [], "configuration"),
    runs,
  };
};

describe("runs.csv in the place of folders", () => {
  it("gives the same table: names, figures, tests, shares of a gap", async () => {
    write(`data: images\nconfigs: [vgg19, ipb-vgg]\npreset: tiny\nfolds: [0, 1, 2]\n${settings}`);
    await start(variedRunner());
    const experiment = join(root, "runs", "demo");
    const recorded = comparable([join(experiment, "runs.csv")]);
    expect(recorded.runs).toBe(12);
    expect(recorded.comparisons.map(({ a }) => a)).toEqual(["ipb-vgg plain", "ipb-vgg strict", "vgg19 strict"]);
    expect(recorded.shares).toHaveLength(2);
    expect(new Set(recorded.shares.map(({ share }) => share)).size).toBe(2);
    expect(recorded).toEqual(comparable([experiment]));
  });

  it("holds the networks of each run; files without that column are of students", async () => {
    write("data: images\nconfigs: [ipb-vgg]\npreset: tiny\nfolds: [0, 1]\nevaluate: [images]\n");
    mkdirSync(join(root, "images"));
    await start(variedRunner());
    const file = join(root, "runs", "demo", "runs-images.csv");
    const rows = (path: string) => tableOfRuns([path], { network: "all" }).tables[0]!.rows;
    const names = ["student", "teacher", "ensemble"].map((network) => `ipb-vgg, ${network}`);
    expect(rows(file).map(({ configuration, runs }) => [configuration, runs])).toEqual(names.map((name) => [name, 2]));
    expect(new Set(rows(file).map(({ cells }) => cells[3]!.mean)).size).toBe(3);
    const lines = readFileSync(file, "utf8").split("\r\n");
    const old = join(root, "old.csv");
    const students = lines.filter((line) => !/,(teacher|ensemble),/.test(line));
    writeFileSync(old, students.map((line) => line.replace(/,(network|student),/, ",")).join("\r\n"));
    expect(rows(old).map(({ configuration }) => configuration)).toEqual(["ipb-vgg, student"]);
    expect(rows(old)[0]!.cells).toEqual(rows(file)[0]!.cells);
    writeFileSync(old, lines.filter((line) => !line.includes(",student,")).join("\r\n"));
    expect(() => tableOfRuns([old])).toThrow(`${old}, line 2, column "network": "teacher" is none of`);
  });

  it("tells plans with settings of one name apart, by folder or by file", async () => {
    write(`data: images\nconfigs: [vgg19]\npreset: tiny\nfolds: [0, 1]\n${settings}`);
    await start(new FakeRunner());
    const copy = join(root, "later-runs-test.csv");
    copyFileSync(join(root, "runs", "demo", "runs.csv"), copy);
    const [first] = tableOfRuns([join(root, "runs", "demo", "runs.csv"), copy]).tables;
    const names = ["plain (plan demo)", "strict (plan demo)", "plain (plan later)", "strict (plan later)"];
    expect(first?.rows.map(({ configuration }) => configuration)).toEqual(names.map((name) => `vgg19 ${name}`));
  });

  it("names file, line and value of what no experiment writes", async () => {
    write("data: images\nconfigs: [vgg19]\npreset: tiny\nfolds: [0, 1]\n");
    await start(new FakeRunner());
    const text = readFileSync(join(root, "runs", "demo", "runs.csv"), "utf8");
    const broken = join(root, "broken.csv");
    const refusal = (content: string) => {
      writeFileSync(broken, content);
      return () => tableOfRuns([broken]);
    };
    const [head = "", line = "", ...rest] = text.split("\r\n");
    const wrong = [head, line.replace(/,0,0,/, ",first,0,"), ...rest].join("\r\n");
    expect(refusal(wrong)).toThrow(`${broken}, line 2, column "fold": "first" is not a number`);
    const empty = [head, line.replace(/,0,0,/, ",0,,"), ...rest].join("\r\n");
    expect(refusal(empty)).toThrow(`${broken}, line 2, column "seed": is empty`);
    expect(refusal(text.replace("seed", "sed"))).toThrow(`${broken}: has no column "seed"`);
    expect(refusal("file,class\nx.png,Dense\n")).toThrow(`${broken}: has no column "run"`);
    expect(() => tableOfRuns([join(root, "none.csv")])).toThrow(`${join(root, "none.csv")}: cannot be read`);
  });
});
