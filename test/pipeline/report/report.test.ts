import { appendFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Evaluation } from "../../../pipeline/metrics.js";
import { writeReport } from "../../../pipeline/report/index.js";
import { balancedAccuracyInterval } from "../../../pipeline/uncertainty.js";
import { type FakeRunOptions, fakeRun } from "../../support/fakeRun.js";

const nasty = ["<script>alert(1)</script>", `q"uo'te`, "{b|rich}", "a & b", "=1+1"];

let parent: string;
let count = 0;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "report-"));
});
afterAll(() => rm(parent, { recursive: true }));

/** A run folder of its own for each test. */
async function make(options: FakeRunOptions = {}): Promise<{ run: string; data: string }> {
  count += 1;
  const folder = join(parent, String(count));
  await mkdir(folder);
  return fakeRun(folder, { pretrainSteps: 60, epochs: 4, stepsPerEpoch: 10, images: false, ...options });
}

async function reportOf(run: string): Promise<string> {
  return readFile(await writeReport(run), "utf8");
}

/** The part of a page between a section's tags. */
function section(page: string, id: string): string {
  const start = page.indexOf(`<section id="${id}">`);
  expect(start, `section ${id}`).toBeGreaterThan(0);
  return page.slice(start, page.indexOf("</section>", start));
}

function figures(page: string, id: string): number {
  return section(page, id).match(/<svg viewBox="[^"]*" role="img"/g)?.length ?? 0;
}

/** The places where a pattern occurs, short enough to read in a failure. */
function found(page: string, pattern: RegExp): string[] {
  return [...page.matchAll(new RegExp(`.{0,40}(?:${pattern.source}).{0,40}`, "g"))].slice(0, 5).map(([text]) => text);
}

/** Everything a page must keep to, whatever the run looked like. */
function expectSound(page: string): void {
  const text = page.replace(/base64,[A-Za-z0-9+/=]+/g, "base64,");
  expect(text.slice(0, 40)).toMatch(/^<!doctype html>\n<html lang="en">/);
  expect(
    found(text, /https?:|src="(?!data:image\/png;base64,)|href=|@import|<link|<script|<iframe|url\((?!#)/),
  ).toEqual([]);
  expect(found(text, /NaN|undefined|Infinity|\[object/)).toEqual([]);
  expectBalanced(text);
  const ids = [...text.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
  expect(ids).toEqual([...new Set(ids)]);
  for (const [, id] of text.matchAll(/url\(#([^)]+)\)/g)) expect(ids).toContain(id);
}

/** Every tag is closed in order: text from files cannot have opened one. */
function expectBalanced(page: string): void {
  const open: string[] = [];
  const body = page.replace(/<style>[\s\S]*?<\/style>/, "");
  for (const [tag, close, name, empty] of body.matchAll(/<(\/?)([a-zA-Z]\w*)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (empty || ["meta", "img", "br"].includes(name!)) continue;
    if (close) expect(open.pop(), `closed by ${tag}`).toBe(name);
    else open.push(name!);
  }
  expect(open).toEqual([]);
}

describe("a finished run", () => {
  let run: string;
  let page: string;
  let result: { chance: number; teacher: Evaluation; student: Evaluation; ensemble: Evaluation; bestEpoch: number };
  beforeAll(async () => {
    ({ run } = await make({ images: true }));
    page = await reportOf(run);
    result = JSON.parse(await readFile(join(run, "result.json"), "utf8"));
  });

  it("is one sound file without notes of missing things", () => {
    expectSound(page);
    expect(found(page, /<p class="missing">|id="notes"/)).toEqual([]);
  });

  it("puts the four numbers side by side, with intervals and what they mean", () => {
    const text = section(page, "result");
    const tiles = [...text.matchAll(/<span class="name">(\w+)<\/span><b>([^<]+)<\/b>/g)].map(([, name, value]) => [
      name,
      value,
    ]);
    const percent = (share: number) => `${(100 * share).toFixed(1)}\u00a0%`;
    expect(tiles).toEqual([
      ["Chance", percent(result.chance)],
      ["Majority", percent(0.25)],
      ["Teacher", percent(result.teacher.balancedAccuracy!)],
      ["Student", percent(result.student.balancedAccuracy!)],
    ]);
    const [low, high] = balancedAccuracyInterval(result.student.confusion)!;
    expect(text).toContain(`from ${percent(low)} to ${percent(high)} (95 % interval`);
    expect(text).toContain("Diff has only 7 test images");
    expect(text).toContain("always answering “Spread”");
    expect(text).toMatch(/percentage points (better|worse) than its teacher|as good as its teacher/);
    expect(text).toMatch(/Hardest class: \w+, with \d+ of \d+ found/);
    expect(text).toContain(`by the mean of their probabilities, it is ${percent(result.ensemble.balancedAccuracy!)};`);
    expect(figures(page, "result")).toBe(1);
  });

  it("shows the confusion matrix with rows = truth, counts and row shares, for both networks", () => {
    const text = section(page, "per-class");
    const [student, teacher] = [...text.matchAll(/<table class="confusion"[\s\S]*?<\/table>/g)].map(([table]) => table);
    for (const [table, evaluation] of [
      [student!, result.student],
      [teacher!, result.teacher],
    ] as const) {
      expect(table).toContain("predicted class");
      expect(table).toContain("actual class");
      const rows = [
        ...table.matchAll(
          /<tr>(?:<th class="axis side"[^>]*>actual class<\/th>)?<th scope="row">(\w+)<\/th>(.*?)<\/tr>/g,
        ),
      ];
      expect(rows.map(([, name]) => name)).toEqual(["Debris", "Dense", "Diff", "Spread"]);
      rows.forEach(([, , cells], i) => {
        const counts = [...cells!.matchAll(/>(\d+)<small>(\d+)\u00a0%/g)].map(([, n, share]) => [
          Number(n),
          Number(share),
        ]);
        const support = evaluation.confusion[i]!.reduce((a, b) => a + b);
        expect(counts).toEqual(evaluation.confusion[i]!.map((n) => [n, Number(((100 * n) / support).toFixed(0))]));
      });
    }
  });

  it("shows recall, precision, F1, AUROC and support of each class, and the note on published TPR", () => {
    const text = section(page, "per-class");
    for (const { class: name, support, recall, precision, f1, auroc } of result.student.perClass) {
      const row = text
        .slice(text.indexOf(`<table class="per-class"`))
        .match(new RegExp(`<tr><th scope="row">${name}</th>(.*?)</tr>`))![1]!;
      const cells = [...row.matchAll(/<td>([^<]+)/g)].map(([, value]) => value);
      expect(cells).toEqual([String(support), ...[recall, precision, f1, auroc].map((v) => v!.toFixed(3))]);
    }
    expect(text).toContain("call precision “TPR”");
  });

  it("draws every figure of the training", () => {
    expect(figures(page, "training")).toBe(4);
    expect(figures(page, "pseudo-labels")).toBe(4);
    expect(figures(page, "meta-step")).toBe(6);
    const training = section(page, "training");
    for (const name of ["teacher", "student"]) expect(training).toMatch(new RegExp(`<text[^>]*>${name}</text>`));
    expect(training).toMatch(new RegExp(`<text[^>]*>chosen: epoch ${result.bestEpoch! + 1}, `));
    for (const title of ["training step", "loss (nats)", "epoch", "balanced accuracy, validation part"])
      expect(training).toContain(`>${title}</text>`);
    expect(section(page, "pseudo-labels")).toContain(">truth of the unlabelled part (U)</text>");
    expect(section(page, "pseudo-labels")).toContain("stroke-dasharray");
  });

  it("says how often the pseudo-labels are right", async () => {
    const lines = (await readFile(join(run, "metrics.jsonl"), "utf8")).trim().split("\n");
    const { pseudoQuality, pseudoCounts, epoch } = lines
      .map((line) => JSON.parse(line))
      .findLast((e) => e.pseudoQuality);
    const text = section(page, "pseudo-labels");
    const [right, found] = [pseudoQuality.minority.precision, pseudoQuality.minority.recall].map((v) => 100 * v);
    expect(text).toContain(
      `In epoch ${epoch + 1} a pseudo-label “Diff”, the rarest class, was right in ${right!.toFixed(0)}\u00a0% of all cases: ` +
        `of 100 patches that the teacher calls so, about ${Math.round(100 - right!)} are something else, and ${found!.toFixed(0)}\u00a0% of the true Diff were found.`,
    );
    const shown = (value: number) => `<td>${(100 * value).toFixed(1)}\u00a0%</td>`;
    const { precision, recall, confident } = pseudoQuality;
    expect(text).toContain(
      `<th scope="row">Diff</th><td>53</td><td>${pseudoCounts[2]}</td>${shown(precision[2])}${shown(recall[2])}` +
        `${shown(confident.precision[2])}${shown(confident.recall[2])}</tr>`,
    );
  });

  it("shows patches of each class and the mistakes as real pictures of the patch size", () => {
    const pictures = [...section(page, "examples").matchAll(/src="data:image\/png;base64,([^"]+)" alt="([^"]+)"/g)];
    expect(pictures).toHaveLength(4 * 7);
    for (const [, data] of pictures) {
      const { width, height } = PNG.sync.read(Buffer.from(data!, "base64"));
      expect([width, height]).toEqual([64, 64]);
    }
    const mistakes = section(page, "mistakes");
    const off = result.student.confusion.flatMap((row, i) => row.filter((_, j) => j !== i));
    expect(mistakes.match(/class="cell self"/g)).toHaveLength(4);
    expect(mistakes.match(/class="cell none"/g) ?? []).toHaveLength(off.filter((n) => n === 0).length);
    expect([...mistakes.matchAll(/class="times">(\d+)×/g)].map(([, n]) => Number(n))).toEqual(off.filter((n) => n > 0));
    for (const [, truth, predicted] of mistakes.matchAll(/alt="[^"]*: (\w+), predicted (\w+) /g))
      expect(truth).not.toBe(predicted);
  });

  it("shows images, configuration and environment", () => {
    expect(section(page, "images")).toMatch(/Diff<\/th><td>5<\/td><td>1<\/td><td>53<\/td><td>7<\/td>/);
    expect(section(page, "config")).toContain("  feedbackSign: new-old\n");
    expect(section(page, "environment")).toContain("llvmpipe (LLVM 19.1.7, 256 bits)");
  });

  it("is the same file again, byte for byte, also at another place", async () => {
    const other = join(parent, "other.html");
    expect(await writeReport(run, other)).toBe(other);
    expect(await readFile(other, "utf8")).toBe(page);
  });
});

describe("names from files", () => {
  it("stay text everywhere: classes, folder, configuration", async () => {
    const { run } = await make({ classes: nasty, images: true });
    const config = JSON.parse(await readFile(join(run, "config.json"), "utf8"));
    await writeFile(join(run, "config.json"), JSON.stringify({ ...config, config: "</pre><script>x</script>" }));
    const page = await reportOf(run);
    expectSound(page);
    expect(page.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;/g)!.length).toBeGreaterThan(10);
    expect(section(page, "pseudo-labels")).toContain("{b|rich}");
  });

  it("cannot show a file outside the data folder", async () => {
    const { run, data } = await make({ images: true });
    const secret = join(data, "..", "secret.png");
    await writeFile(secret, PNG.sync.write(new PNG({ width: 80, height: 80 })));
    const table = await readFile(join(run, "predictions.csv"), "utf8");
    await writeFile(join(run, "predictions.csv"), table.replace(/Debris\/Debris_\d+\.png/g, "../../secret.png"));
    const page = await reportOf(run);
    expect(found(page, /<img src="[^"]*" alt="\.\.\/\.\.\/secret\.png/)).toEqual([]);
    expect(section(page, "examples").match(/>gone</g)).toHaveLength(7);
    expectSound(page);
  });
});

describe("runs that are not like the others", () => {
  it("a supervised run has a student only, and says so", async () => {
    const page = await reportOf((await make({ supervised: true })).run);
    expectSound(page);
    expect(section(page, "result")).toContain("this method has none");
    expect(section(page, "pseudo-labels")).toContain("This method has no pseudo-labels.");
    expect(section(page, "training")).toContain("Training loss");
    expect(figures(page, "training")).toBe(2);
  });

  it("marks no epoch where none was chosen", async () => {
    const { run } = await make();
    const result = JSON.parse(await readFile(join(run, "result.json"), "utf8"));
    await writeFile(join(run, "result.json"), JSON.stringify({ ...result, bestEpoch: null }));
    const page = await reportOf(run);
    expectSound(page);
    expect(found(page, /chosen: epoch|best so far|epoch's student is the one/)).toEqual([]);
  });

  it("multi-scale patches show the frame of the small scale", async () => {
    const page = await reportOf((await make({ multiScale: true, images: true })).run);
    expectSound(page);
    expect(section(page, "examples")).toContain('<span class="inner"></span>');
    expect(section(page, "examples")).toContain("The dashed square is the small scale, 64 px.");
  });

  it.each([
    { classes: 2, sampling: "stroke-dasharray", mistakes: 'class="patches' },
    { classes: 40, sampling: "draws per patch", mistakes: "taken for" },
    { classes: 100, sampling: "draws per patch", mistakes: "taken for" },
  ])("$classes classes", async ({ classes, sampling, mistakes }) => {
    const names = Array.from({ length: classes }, (_, i) => `class ${i}`);
    const counts = names.map((_, i) => Math.max(20, 600 / classes) + (i % 3) * 10);
    const { run } = await make({ classes: names, counts, images: true });
    const page = await reportOf(run);
    expectSound(page);
    expect(section(page, "pseudo-labels")).toContain(sampling);
    expect(section(page, "mistakes")).toContain(mistakes);
    expect(page.length).toBeLessThan(3e6);
  });

  it("unknown truth of U and a class that was never predicted", async () => {
    const { run } = await make();
    const environment = JSON.parse(await readFile(join(run, "environment.json"), "utf8"));
    environment.dataset.counts.U = null;
    environment.dataset.unlabelled = 1500 + environment.dataset.multiLabel;
    await writeFile(join(run, "environment.json"), JSON.stringify(environment));
    const epoch = {
      kind: "epoch",
      epoch: 4,
      pseudoCounts: [9, 9, 0, 9],
      samplingWeights: [1, 1, 0, 1],
      neverPredicted: ["Diff"],
    };
    await appendFile(join(run, "metrics.jsonl"), `${JSON.stringify(epoch)}\n`);
    const page = await reportOf(run);
    expectSound(page);
    expect(section(page, "pseudo-labels")).toContain("the truth of the unlabelled part is not known");
    expect(section(page, "pseudo-labels")).not.toContain("truth of the unlabelled part (U)</text>");
    expect(section(page, "pseudo-labels")).toContain("Diff: 1 of 5 epochs, last in epoch 5");
    expect(section(page, "images")).toContain("unknown");
    expect(section(page, "images")).toMatch(/>All<.*<td>1\u202f500<\/td><td>\d+<\/td><\/tr>/);
  });

  it("0/0 in the result is a dash", async () => {
    const { run } = await make();
    const result = JSON.parse(await readFile(join(run, "result.json"), "utf8"));
    Object.assign(result.student.perClass[2], { recall: null, precision: null, f1: null, auroc: null, support: 0 });
    result.student.confusion[2] = [0, 0, 0, 0];
    await writeFile(join(run, "result.json"), JSON.stringify(result));
    const page = await reportOf(run);
    expectSound(page);
    expect(section(page, "per-class")).toContain(
      '<th scope="row">Diff</th><td>0</td><td>–</td><td>–</td><td>–</td><td>–</td>',
    );
    expect(section(page, "result")).toContain("Not in the test part, so not judged: Diff.");
  });
});

describe("partial and broken runs say what is missing", () => {
  it.each([
    { stopAfter: "start", says: "Nothing has been logged yet.", figures: 0 },
    { stopAfter: "pretrain", says: "No epoch of pseudo-labelling has finished yet.", figures: 2 },
    { stopAfter: "train", says: "No predictions of the test images have been recorded.", figures: 14 },
  ] as const)("stopped after $stopAfter", async ({ stopAfter, says, figures }) => {
    const page = await reportOf((await make({ stopAfter })).run);
    expectSound(page);
    expect(page).toContain(says);
    expect(section(page, "result")).toContain("No test result yet");
    expect(section(page, "notes")).toContain("result.json is missing: the run has not reached its test yet.");
    expect(page.match(/<svg viewBox="[^"]*" role="img"/g) ?? []).toHaveLength(figures);
  });

  it("tells whose validation accuracy it quotes", async () => {
    expect(section(await reportOf((await make({ stopAfter: "pretrain" })).run), "result")).toContain(
      "accuracy of the teacher so far",
    );
    expect(section(await reportOf((await make({ stopAfter: "train" })).run), "result")).toContain(
      "accuracy of the student so far",
    );
  });

  it("images gone", async () => {
    const page = await reportOf((await make({ images: false })).run);
    expectSound(page);
    for (const id of ["examples", "mistakes"]) expect(section(page, id)).toContain("The images are no longer in ");
  });

  it("damaged images: the others are shown", async () => {
    const { run, data } = await make({ images: true });
    for (let i = 0; i < 7; i++) await truncate(join(data, "images", "Diff", `Diff_${i}.png`), 60);
    const page = await reportOf(run);
    expectSound(page);
    expect(section(page, "examples").match(/>gone</g)).toHaveLength(7);
    expect(section(page, "examples").match(/<img /g)).toHaveLength(21);
  });

  it("files that cannot be read are named, the rest is shown", async () => {
    const { run } = await make();
    await writeFile(join(run, "result.json"), '{"classes": ["a"');
    await writeFile(join(run, "predictions.csv"), "name,score\n");
    await writeFile(join(run, "environment.json"), '{"dataset": {"root": 1}}');
    await appendFile(join(run, "metrics.jsonl"), '{"kind":"step","st');
    const page = await reportOf(run);
    expectSound(page);
    const notes = section(page, "notes");
    for (const name of [
      "result.json cannot be used",
      "predictions.csv cannot be used",
      "environment.json: dataset.root",
      "The last line of metrics.jsonl is cut off",
    ])
      expect(notes).toContain(name);
    expect(section(page, "result")).toContain("cannot be read");
    expect(figures(page, "training")).toBe(4);
  });

  it("a confusion matrix of another size than the classes is not shown", async () => {
    const { run } = await make();
    const result = JSON.parse(await readFile(join(run, "result.json"), "utf8"));
    result.student.confusion.pop();
    await writeFile(join(run, "result.json"), JSON.stringify(result));
    const page = await reportOf(run);
    expectSound(page);
    expect(section(page, "notes")).toContain("does not fit the 4 classes");
  });

  it("a folder without a run, and a place that cannot be written, are errors with names", async () => {
    await expect(writeReport(parent)).rejects.toThrow("no run folder");
    const { run } = await make({ stopAfter: "start" });
    await expect(writeReport(run, join(run, "no", "such", "r.html"))).rejects.toThrow("the report cannot be written");
  });
});

describe("long runs", () => {
  it("100,000 logged steps make a small file", async () => {
    const { run } = await make({ pretrainSteps: 20_000, epochs: 200, stepsPerEpoch: 400 });
    const lines = (await readFile(join(run, "metrics.jsonl"), "utf8")).split("\n").length;
    expect(lines).toBeGreaterThan(100_000);
    const page = await reportOf(run);
    expectSound(page);
    expect((await stat(join(run, "report.html"))).size).toBeLessThan(1e6);
    expect(section(page, "training")).toMatch(/<text[^>]*>80k<\/text>/);
  }, 60_000);
});
