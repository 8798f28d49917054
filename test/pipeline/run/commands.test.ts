import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mulberry32 } from "../../../engine/rng.js";
import type { RunResult } from "../../../pipeline/run/index.js";
import { readPredictions } from "../../../pipeline/run/predictions.js";
import { classes, temporaryFolder, writeImage, writeImages } from "./images.js";
import { cli, type Ended, metricsOf, sha256, trainArguments, weightsOf } from "./support.js";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder.path, ...parts);
afterAll(folder.remove);

let first: Ended;
let again: Ended;

beforeAll(async () => {
  writeImages(at("data"));
  const train = (out: string, ...more: string[]) => cli([...trainArguments(at("data"), at(out)), ...more, "--json"]);
  [first, again] = await Promise.all([train("first"), train("again")]);
  const other = await train("other", "--seed", "2");
  for (const { code, stderr, lingered } of [first, again, other]) {
    expect(code, stderr).toBe(0);
    expect(lingered, "the process ends by itself").toBeLessThan(10);
  }
});

interface EpochLine {
  epoch: number;
  pseudoCounts: number[];
  samplingWeights: number[];
  neverPredicted: string[];
  pseudoTrueCounts: number[];
  validation: { balancedAccuracy: number; loss: number; confusion: number[][] };
}

const json = (file: string) => JSON.parse(readFileSync(file, "utf8"));
const withoutTime = ({ seconds: _, ...result }: RunResult) => result;

describe("train", () => {
  test("the same seed gives bitwise the same weights, metrics and predictions; another seed others", () => {
    expect(weightsOf(at("again"))).toEqual(weightsOf(at("first")));
    expect(metricsOf(at("again"))).toEqual(metricsOf(at("first")));
    expect(sha256(at("again/predictions.csv"))).toBe(sha256(at("first/predictions.csv")));
    expect(withoutTime(json(at("again/result.json")))).toEqual(withoutTime(json(at("first/result.json"))));
    const [one, two] = [weightsOf(at("first")), weightsOf(at("other"))];
    expect(two.student).not.toBe(one.student);
    expect(two.teacher).not.toBe(one.teacher);
  });

  test("stdout is one JSON document, everything else goes to stderr", () => {
    const { run, ...result } = JSON.parse(first.stdout);
    expect(run).toBe(at("first"));
    expect(result).toEqual(json(at("first/result.json")));
    expect(first.stderr).toMatch(/pre-training the teacher 1\/6/);
    const estimate =
      /training teacher and student: [\d.]+ s per epoch; about [\d.]+ s in all \(.* of activations, .* of \d/;
    expect(first.stderr).toMatch(estimate);
  });

  test("leaves a folder that stands alone", () => {
    const environment = json(at("first/environment.json"));
    expect(environment).toMatchObject({ seed: 1, node: process.version, dataset: { root: at("data"), classes } });
    const { L, validation, U, T } = environment.dataset.counts as Record<string, number[]>;
    const total = [14, 16, 18, 20].map((_, c) => [L, validation, U, T].reduce((n, part) => n + part![c]!, 0));
    expect(total).toEqual([14, 16, 18, 20]);
    expect(json(at("first/config.json"))).toMatchObject({ config: "ipb-vgg", width: 0.0625, train: { epochs: 2 } });
    expect(readFileSync(at("first/log.txt"), "utf8")).toMatch(/ipb-vgg, preset tiny, recipe small-data: Dark, Grain/);
  });

  test("metrics have every step and epoch once, in order, with the documented fields", () => {
    const lines = metricsOf(at("first"));
    const of = (kind: string) => lines.filter((line) => line.kind === kind);
    expect(of("pretrain-step").map((line) => [line.step, line.epoch])).toEqual(
      [2, 4, 6].map((s) => [s, s > 3 ? 1 : 0]),
    );
    expect(of("step").map((line) => [line.step, line.epoch])).toEqual([2, 4, 6].map((s) => [s, s > 3 ? 1 : 0]));
    expect(of("finetune-step").map((line) => line.step)).toEqual([2, 3]);
    for (const [kind, count] of Object.entries({ "pretrain-epoch": 2, epoch: 2, "finetune-epoch": 1 })) {
      expect(of(kind).map((line) => line.epoch)).toEqual(Array.from({ length: count }, (_, i) => i));
    }
    const step = of("step")[0] as Record<string, number>;
    const names =
      "studentLoss teacherLoss teacherLossLabelled teacherLossUda teacherLossMpl feedback maskMean udaWeight";
    for (const name of `${names} studentLr teacherLr`.split(" ")) expect(step[name], name).toBeTypeOf("number");
    expect(step.teacherLoss).toBe(step.teacherLossLabelled! + step.teacherLossUda! + step.teacherLossMpl!);
    const { U } = json(at("first/environment.json")).dataset.counts;
    for (const epoch of of("epoch") as unknown as EpochLine[]) {
      const counts = epoch.pseudoCounts;
      expect(counts.reduce((a, b) => a + b)).toBe((U as number[]).reduce((a, b) => a + b));
      expect(epoch.samplingWeights).toEqual(counts.map((n) => (n === 0 ? 0 : 1 / n)));
      expect(epoch.neverPredicted).toEqual(classes.filter((_, c) => counts[c] === 0));
      expect(epoch.pseudoTrueCounts).toEqual(U);
      const { confusion } = epoch.validation;
      expect(confusion.flat().reduce((a, b) => a + b)).toBe(4);
    }
  });

  test("keeps the epoch with the best student on the validation part", () => {
    const epochs = metricsOf(at("first")).filter((line) => line.kind === "epoch") as unknown as EpochLine[];
    const best = epochs.reduce((a, b) => {
      const [x, y] = [a.validation, b.validation];
      const better =
        y.balancedAccuracy > x.balancedAccuracy || (y.balancedAccuracy === x.balancedAccuracy && y.loss < x.loss);
      return better ? b : a;
    });
    expect(json(at("first/result.json")).bestEpoch).toBe(best.epoch);
  });
});

describe("evaluate", () => {
  const evaluate = async (...args: string[]) => cli(["evaluate", at("first"), ...args, "--json"]);

  test("on the run's own test part gives its result", async () => {
    const { code, stdout, stderr } = await evaluate();
    expect(code, stderr).toBe(0);
    const { chance, majority, teacher, student, ensemble } = json(at("first/result.json"));
    expect(JSON.parse(stdout)).toEqual({ run: at("first"), classes, chance, majority, teacher, student, ensemble });
  });

  test("tests every image of another folder, which may lack classes, with several patches", async () => {
    writeImages(at("others"), { counts: [0, 3, 0, 2], size: 96, seed: 9 });
    const { code, stdout, stderr } = await evaluate("--data", at("others"), "--patches", "3");
    expect(code, stderr).toBe(0);
    const { student, majority } = JSON.parse(stdout);
    expect(majority).toBeNull();
    expect(student.perClass.map((one: { support: number }) => one.support)).toEqual([0, 3, 0, 2]);
    expect(student.perClass[0].recall).toBeNull();
  });

  test("refuses a class that the run does not know", async () => {
    writeImages(at("strange"), { counts: [2, 2] });
    renameSync(at("strange/Dark"), at("strange/Purple"));
    const { code, stdout, stderr } = await evaluate("--data", at("strange"));
    expect([code, JSON.parse(stdout).error.name]).toEqual([1, "UserError"]);
    expect(stderr).toContain('class "Purple" is not known to the run, which knows Dark, Grain, Round, Stripes');
  });
});

describe("predict", () => {
  test("gives the table of the test part for the same images, by file and by folder", async () => {
    const { rows: known } = await readPredictions(at("first/predictions.csv"));
    const files = known.map(({ file }) => at("data", file));
    const one = await cli(["predict", at("first"), ...files, "--out", at("files.csv"), "--json"]);
    expect(one.code, one.stderr).toBe(0);
    expect(JSON.parse(one.stdout)).toEqual({ run: at("first"), out: at("files.csv"), images: known.length });
    const { rows } = await readPredictions(at("files.csv"));
    const numbers = (list: typeof rows) => list.map(({ predicted, probabilities }) => [predicted, ...probabilities]);
    expect(numbers(rows)).toEqual(numbers(known));
    expect(rows.map(({ file }) => file)).toEqual(files);
    expect(readFileSync(at("files.csv"), "utf8").split("\r\n")[0]).toBe(
      "file,class,p_Dark,p_Grain,p_Round,p_Stripes,entropy",
    );
  });

  test("answers with the student, the teacher, or the mean of both, which is what the run was tested with", async () => {
    const truths = (await readPredictions(at("first/predictions.csv"))).rows.map(({ file }) => file);
    const files = truths.map((file) => at("data", file));
    const rows: Record<string, number[][]> = {};
    for (const network of ["student", "teacher", "ensemble"]) {
      const out = at(`${network}.csv`);
      const { code, stderr } = await cli(["predict", at("first"), ...files, "--out", out, "--network", network]);
      expect(code, stderr).toBe(0);
      rows[network] = (await readPredictions(out)).rows.map(({ probabilities }) => [...probabilities]);
    }
    const { student, teacher, ensemble } = rows as Record<"student" | "teacher" | "ensemble", number[][]>;
    expect(teacher).not.toEqual(student);
    for (const [i, row] of ensemble.entries())
      for (const [c, p] of row.entries())
        expect(p).toBeCloseTo(((student[i] as number[])[c]! + (teacher[i] as number[])[c]!) / 2, 5);
    const confusion = classes.map(() => classes.map(() => 0));
    const names = truths.map((file) => classes.indexOf(file.split("/").at(-2) as (typeof classes)[number]));
    for (const [i, row] of ensemble.entries()) confusion[names[i]!]![row.indexOf(Math.max(...row))]! += 1;
    expect(json(at("first/result.json")).ensemble.confusion).toEqual(confusion);
  });

  test("a run without a teacher is not asked for one", async () => {
    cpSync(at("first"), at("alone"), { recursive: true });
    rmSync(at("alone/weights/teacher.safetensors"));
    const args = ["predict", at("alone"), at("data/Dark"), "--out", at("alone.csv"), "--network", "ensemble"];
    const { code, stderr } = await cli(args);
    expect(code).toBe(1);
    expect(stderr).toContain(`--network ensemble: there is no ${at("alone/weights/teacher.safetensors")}`);
    expect(existsSync(at("alone.csv"))).toBe(false);
  });

  test("averages patches, and passes over masks and hidden files of a data folder", async () => {
    const uniform = mulberry32(4);
    for (const name of ["images/a.png", "images/sub/b.png", "masks/a.png"])
      writeImage(at("set", name), 3, 160, uniform);
    writeFileSync(at("set/images/._a.png"), "left by a Mac");
    const csv = (patches: number) => at(`set-${patches}.csv`);
    for (const patches of [1, 5]) {
      const args = ["predict", at("first"), at("set"), "--out", csv(patches), "--patches", String(patches)];
      const { code, stdout, stderr } = await cli(args);
      expect([code, stdout], stderr).toEqual([0, `2 images classified: ${csv(patches)}\n`]);
    }
    const [central, averaged] = [await readPredictions(csv(1)), await readPredictions(csv(5))];
    expect(averaged.rows.map(({ file }) => file)).toEqual([at("set/images/a.png"), at("set/images/sub/b.png")]);
    expect(averaged.rows[0]!.probabilities).not.toEqual(central.rows[0]!.probabilities);
    expect(averaged.rows[0]!.probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  });

  test("names what is missing, damaged or cannot be written", async () => {
    writeFileSync(at("broken.png"), readFileSync(at("data/Dark/0.png")).subarray(0, 200));
    const cases: [string[], string][] = [
      [[at("no.png"), "--out", at("x.csv")], `${at("no.png")}: there is no such file or folder`],
      [[at("broken.png"), "--out", at("x.csv")], `${at("broken.png")}: the PNG is damaged or cut short`],
      [[at("data"), "--out", at("nowhere/x.csv")], `--out ${at("nowhere/x.csv")}: cannot be written`],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await cli(["predict", at("first"), ...args]);
      expect(code).toBe(1);
      expect(stderr).toContain(message);
    }
    expect(existsSync(at("x.csv"))).toBe(false);
  });
});

describe("report", () => {
  test("of a real run has content in every section", async () => {
    const { code, stdout, stderr } = await cli(["report", at("first"), "--json"]);
    expect(code, stderr).toBe(0);
    const file = at("first/report.html");
    expect(JSON.parse(stdout)).toEqual({ runs: [at("first")], report: file });
    const text = readFileSync(file, "utf8");
    const sections = [...text.matchAll(/<section id="([\w-]+)">(.*?)<\/section>/gs)].map(([, id, body]) => ({
      id,
      body: body!,
    }));
    const drawn = ["result", "training", "pseudo-labels", "meta-step", "examples"];
    expect(sections.map(({ id }) => id)).toEqual(
      "result per-class training pseudo-labels meta-step examples mistakes images config environment".split(" "),
    );
    for (const { id, body } of sections) {
      expect(body, id).not.toContain('class="missing"');
      if (drawn.includes(id!)) expect(body, id).toMatch(/<svg|<img|data:image/);
    }
    const of = (id: string) => sections.find((section) => section.id === id)!.body;
    for (const name of classes) expect(of("per-class")).toContain(name);
    expect(of("config")).toContain("labelledFraction");
    expect(of("environment")).toContain(json(at("first/environment.json")).adapter.device);
    expect(statSync(file).size).toBeGreaterThan(50_000);
  });
});

describe("after the end of a run", () => {
  test("resume says that there is nothing to do, and changes nothing", async () => {
    const before = [weightsOf(at("again")), sha256(at("again/metrics.jsonl")), sha256(at("again/result.json"))];
    const { code, stdout, stderr } = await cli(["resume", at("again"), "--json"]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("this run has finished, there is nothing to continue");
    const { run: _, ...result } = JSON.parse(stdout);
    expect(result).toEqual(json(at("again/result.json")));
    expect([weightsOf(at("again")), sha256(at("again/metrics.jsonl")), sha256(at("again/result.json"))]).toEqual(
      before,
    );
  });

  test("train does not write into its folder", async () => {
    const { code, stderr } = await cli(trainArguments(at("data"), at("again")));
    expect(code).toBe(1);
    expect(stderr).toContain(
      `--out ${at("again")}: the folder is not empty; continue its run with "equipoise resume ${at("again")}"`,
    );
  });

  test("evaluate refuses when the images of the run have changed: parts would mix", async () => {
    const run = at("moved");
    cpSync(at("again"), run, { recursive: true });
    mkdirSync(at("copy"));
    cpSync(at("data"), at("copy"), { recursive: true });
    const environment = json(join(run, "environment.json"));
    environment.dataset.root = at("copy");
    writeFileSync(join(run, "environment.json"), JSON.stringify(environment));
    rmSync(at("copy/Grain/3.png"));
    const { code, stderr } = await cli(["evaluate", run]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${at("copy")}: the images are not those that this run began with`);
  });
});
