import { describe, expect, test } from "vitest";
import type { DetectRunOptions, DetectSummary } from "../../cli/actions.js";
import { run } from "./support.js";

const done: DetectSummary = {
  ...{ out: "out", files: 2, detected: 2, unchanged: 0, colonies: 5, empty: 0 },
  ...{ replaced: [], failures: [], warnings: [], all: { images: 2, colonies: 5 } },
};

function recorder(summary: Partial<DetectSummary> = {}) {
  const calls: { wells: string[]; options: DetectRunOptions }[] = [];
  const detectWells = async (wells: string[], options: DetectRunOptions) => {
    calls.push({ wells, options });
    return { ...done, ...summary };
  };
  return { calls, actions: { detectWells } };
}

describe("detect", () => {
  test("has the article's values unless others are given", async () => {
    const { calls, actions } = recorder();
    const { code, stdout } = await run(["detect", "a.png", "b", "--out", "out"], actions);
    expect(code).toBe(0);
    expect(calls[0]).toMatchObject({
      wells: ["a.png", "b"],
      options: {
        ...{ out: "out", pattern: null, channel: null, intermediates: false, bits16: { kind: "full" } },
        detect: { order: "text", blur: true, entropyRadius: 3, openingRadius: 3, minSize: 2000 },
      },
    });
    expect(stdout).toMatch(/colonies +5/);
    expect(stdout).toContain("equipoise train --data out");
  });

  test("passes every option on", async () => {
    const { calls, actions } = recorder();
    const args = ["--order", "code", "--entropy-radius", "5", "--opening-radius", "2", "--min-size", "0", "--no-blur"];
    const more = ["--bits16", "percentiles:1,99", "--pattern", "(?<well>x)", "--channel", "1", "--intermediates"];
    await run(["detect", "a", "--out", "out", ...args, ...more, "--adapter", "llvm"], actions);
    expect(calls[0]!.options).toMatchObject({
      ...{ pattern: "(?<well>x)", channel: 1, intermediates: true, adapter: "llvm" },
      bits16: { kind: "percentiles", low: 1, high: 99 },
      detect: { order: "code", blur: false, entropyRadius: 5, openingRadius: 2, minSize: 0 },
    });
  });

  test("a file that was skipped makes the exit code 1, with the rest done and said", async () => {
    const failures = [{ file: "b.png", message: "b.png: the PNG is damaged" }];
    const { code, stdout } = await run(["detect", "a", "--out", "out"], recorder({ failures }).actions);
    expect(code).toBe(1);
    expect(stdout).toContain("b.png: the PNG is damaged");
    expect(stdout).toMatch(/colonies +5/);
  });

  test("--json is the summary", async () => {
    const { code, stdout } = await run(["detect", "a", "--out", "out", "--json"], recorder().actions);
    expect([code, JSON.parse(stdout)]).toEqual([0, done]);
  });

  test.each([
    [["detect", "a"], 2, "required option '--out <dir>'"],
    [["detect", "--out", "out"], 2, "missing required argument 'wells'"],
    [["detect", "a", "--out", "out", "--order", "both"], 2, "Allowed choices are text, code"],
    [["detect", "a", "--out", "out", "--min-size", "-1"], 2, "Give a whole number from 0 up"],
    [["detect", "a", "--out", "out", "--bits16", "half"], 1, '16-bit rule "half": give full, minmax'],
  ])("%j", async (args, expected, message) => {
    const { code, stderr } = await run(args, recorder().actions);
    expect(code).toBe(expected);
    expect(stderr).toContain(message);
  });
});
