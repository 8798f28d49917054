import { describe, expect, test } from "vitest";
import { summarizeForTraining } from "../../pipeline/summary/index.js";
import { run } from "./support.js";

const summary = (...args: string[]) => run(["summary", ...args], { summarize: summarizeForTraining });

describe("summary", () => {
  test("counts of the article's network, and what fits into a given memory", async () => {
    const { code, stdout } = await summary("--model", "ms-hrnet-w18", "--input", "224", "--memory", "2", "--json");
    expect(code).toBe(0);
    const { totals, training, limits, batches } = JSON.parse(stdout);
    expect(totals).toMatchObject({ parameters: 22_516_796, trainable: 22_259_480, macs: 5_005_169_920 });
    expect(limits).toMatchObject({ memoryBytes: 2e9, memoryFrom: "--memory" });
    const { total, weights } = training.bytes;
    const perPatch = (total - 3 * weights) / training.batch;
    expect(3 * weights + batches.memory * perPatch).toBeLessThanOrEqual(2e9);
    expect(3 * weights + (batches.memory + 1) * perPatch).toBeGreaterThan(2e9);
    expect(batches.largest).toBe(Math.min(batches.memory, batches.binding));
  });

  test("teacher and student take five passes and two networks", async () => {
    const bytes = async (method: string) => {
      const { stdout } = await summary("--model", "hrnet-small-v1", "--method", method, "--json");
      return JSON.parse(stdout).training.bytes;
    };
    const [one, two] = [await bytes("supervised"), await bytes("meta-pseudo-labels")];
    expect([two.weights, two.activations]).toEqual([2 * one.weights, 5 * one.activations]);
  });

  test("recomputation takes less memory for activations, and allows a larger batch", async () => {
    const of = async (...flags: string[]) => {
      const { stdout } = await summary("--model", "vgg19", "--memory", "4", "--json", ...flags);
      return JSON.parse(stdout);
    };
    const [plain, saving] = [await of(), await of("--recompute")];
    expect([plain.training.recompute, saving.training.recompute]).toEqual([false, true]);
    // Of convolution, batch norm and pool, batch norm's output is as large as the convolution's.
    const share = saving.training.bytes.activations / plain.training.bytes.activations;
    expect(share).toBeGreaterThan(0.5);
    expect(share).toBeLessThan(0.65);
    expect(saving.batches.memory).toBeGreaterThan(1.2 * plain.batches.memory);
    expect((await summary("--model", "vgg19", "--recompute")).stdout).toContain("(supervised, recomputing; weights");
  });

  test("the table has a line per layer and the totals", async () => {
    const { stdout } = await summary("--model", "vgg19", "--memory", "4");
    expect(stdout).toMatch(/^conv features\.3 +128x128x64 +36,928 +603,979,776 +4096\.0$/m);
    expect(stdout).toContain("parameters                 23,543,364\n");
    expect(stdout).toMatch(/largest batch +\d+ \(by the largest tensor \d+, by memory \d+\)/);
  });

  test.each([
    [["--model", "resnet"], 1, 'model "resnet" is not known: choose one of vgg-compact, vgg19'],
    [["--model", "hrnet-w18", "--input", "100"], 1, "a multiple of 32, not 100; the nearest is 96"],
    [["--model", "hrnet-w18", "--features", "64"], 2, "Give 128 or 512."],
    [[], 2, "--model"],
  ])("%j is refused", async (args, code, message) => {
    const outcome = await summary(...args);
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringContaining(message)]);
  });
});
