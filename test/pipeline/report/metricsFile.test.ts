import { describe, expect, it } from "vitest";
import { readMetrics } from "../../../pipeline/report/metricsFile.js";
import { balancedAccuracyInterval } from "../../../pipeline/uncertainty.js";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("readMetrics", () => {
  it("sorts lines into phases, steps into curves, epochs into lines", () => {
    const confusion = [
      [3, 1],
      [0, 2],
    ];
    const content = bytes(
      `${[
        { kind: "pretrain-step", step: 0, epoch: 0, loss: 1.5, lr: 0.1 },
        { kind: "pretrain-epoch", epoch: 0, loss: 1.2, validation: { balancedAccuracy: 0.5, loss: 1 } },
        { kind: "step", step: 4, epoch: 0, studentLoss: 2, teacherLoss: null, feedback: -0.5 },
        {
          kind: "epoch",
          epoch: 3,
          seconds: 9,
          studentLoss: 2,
          teacherLoss: null,
          pseudoCounts: [5, 0],
          pseudoTrueCounts: null,
          samplingWeights: [0.2, 0],
          neverPredicted: ["b"],
          pseudoQuality: { accuracy: 0.4, precision: [0.4, null], recall: [1, 0], minority: { class: "b" } },
          validation: { balancedAccuracy: 0.875, loss: 0.4, confusion },
        },
        { kind: "finetune-step", step: 0, epoch: 0, loss: 0.25 },
      ]
        .map((line) => JSON.stringify(line))
        .join("\n")}\n`,
    );
    const { phases, notes } = readMetrics(content);
    expect(notes).toEqual([]);
    expect(phases.pretrain.steps.get("loss")!.buckets).toMatchObject([{ x: 0, mean: 1.5 }]);
    expect(phases.pretrain.epochs).toMatchObject([{ epoch: 1, loss: 1.2, balancedAccuracy: 0.5, interval: null }]);
    expect(phases.train.steps.get("feedback")!.buckets).toMatchObject([{ x: 4, mean: -0.5 }]);
    expect(phases.train.steps.get("teacherLoss")!.empty).toBe(true);
    expect(phases.train.epochs).toEqual([
      {
        epoch: 4,
        seconds: 9,
        loss: 2,
        balancedAccuracy: 0.875,
        interval: balancedAccuracyInterval(confusion),
        validationLoss: 0.4,
        teacherLoss: null,
        pseudoCounts: [5, 0],
        pseudoTrueCounts: null,
        samplingWeights: [0.2, 0],
        neverPredicted: ["b"],
        pseudoQuality: {
          accuracy: 0.4,
          precision: [0.4, null],
          recall: [1, 0],
          meanPrecision: null,
          meanRecall: null,
          rarest: "b",
          confident: null,
        },
      },
    ]);
    expect(phases.finetune.steps.get("loss")!.buckets).toHaveLength(1);
  });

  it("leaves out a last line that is cut off, and says so", () => {
    const content = bytes('{"kind":"step","step":1,"studentLoss":1}\n{"kind":"step","step":2,"stude');
    const { phases, notes } = readMetrics(content);
    expect(phases.train.steps.get("studentLoss")!.buckets).toHaveLength(1);
    expect(notes).toEqual([expect.stringContaining("The last line of metrics.jsonl is cut off")]);
  });

  it("leaves out unreadable lines, foreign kinds and values that are no numbers, and names the first bad line", () => {
    const content = bytes(
      [
        '{"kind":"step","step":1,"studentLoss":1}',
        "garbage",
        "[1]",
        '{"kind":"constructor","step":1,"x":1}',
        '{"kind":"step","step":"two","studentLoss":7}',
        '{"kind":"step","step":3,"studentLoss":null,"note":"text"}',
        '{"kind":"step","step":4,"studentLoss":5}',
        "",
      ].join("\n"),
    );
    const { phases, notes } = readMetrics(content);
    expect(phases.train.steps.get("studentLoss")!.buckets.map((b) => b.mean)).toEqual([1, 5]);
    expect([...phases.train.steps.keys()]).toEqual(["studentLoss"]);
    expect(notes).toEqual([
      "metrics.jsonl: 2 unreadable lines are left out, the first is line 2.",
      "metrics.jsonl: 1 values of studentLoss (train) are not finite numbers and are left out.",
    ]);
  });

  it("an empty file has nothing and no notes", () => {
    const content = bytes("");
    const { phases, notes } = readMetrics(content);
    expect(phases.train.steps.size + phases.train.epochs.length).toBe(0);
    expect(notes).toEqual([]);
  });
});
