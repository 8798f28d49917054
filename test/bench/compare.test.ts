import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compareFiles, compareRecords } from "../../bench/compare.js";
import type { BenchRecord } from "../../bench/run/record.js";
import { UserError } from "../../engine/errors.js";
import { someRecord } from "./records.js";

describe("verdicts", () => {
  const verdict = (before: Partial<BenchRecord>, after: Partial<BenchRecord>, band = 0.05) =>
    compareRecords([someRecord(before)], [someRecord(after)], band).comparisons[0]?.verdict;

  test.each([
    [100, 104, "same"],
    [100, 106, "slower"],
    [100, 96, "same"],
    [100, 94, "faster"],
  ])("%d ms, now %d ms, with steady samples: %s", (old, now, expected) => {
    expect(verdict({ bestMs: old, medianMs: old }, { bestMs: now, medianMs: now })).toBe(expected);
  });

  test("samples that spread widen the band, on either side", () => {
    expect(verdict({ bestMs: 100, medianMs: 120 }, { bestMs: 115, medianMs: 116 })).toBe("same");
    expect(verdict({ bestMs: 100, medianMs: 101 }, { bestMs: 115, medianMs: 140 })).toBe("same");
    expect(verdict({ bestMs: 100, medianMs: 120 }, { bestMs: 125, medianMs: 126 })).toBe("slower");
  });

  test("cases are matched by name and engine; what is on one side only is told", () => {
    const old = [someRecord(), someRecord({ engine: "jax-js" })];
    const now = [someRecord(), someRecord({ case: "copy" })];
    const { comparisons, gone, added } = compareRecords(old, now, 0.05);
    expect(comparisons).toHaveLength(1);
    expect(gone).toEqual(["gemm-512 (jax-js)"]);
    expect(added).toEqual(["copy (equipoise)"]);
  });
});

describe("files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "equipoise-compare-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function compare(old: unknown, now: unknown): { code: number; text: string } {
    const [before, after] = [join(folder, "old.json"), join(folder, "new.json")];
    writeFileSync(before, typeof old === "string" ? old : JSON.stringify(old));
    writeFileSync(after, JSON.stringify(now));
    let text = "";
    const code = compareFiles({ before, after, band: 0.05 }, (part) => {
      text += part;
    });
    return { code, text };
  }

  test("a slower case of ours ends with code 1 and is named", () => {
    const { code, text } = compare([someRecord()], [someRecord({ bestMs: 6, medianMs: 6 })]);
    expect(code).toBe(1);
    expect(text).toMatch(/gemm-512 +equipoise +5\.000 +6\.000 +\+20\.0 % +5\.0 % +slower/);
    expect(text).toMatch(/slower beyond the noise: gemm-512/);
  });

  test("an equal or faster case, and a peer's slower one, end with code 0", () => {
    const peer = someRecord({ engine: "jax-js" });
    const now = [someRecord({ bestMs: 4, medianMs: 4 }), { ...peer, bestMs: 50, medianMs: 50 }];
    const { code, text } = compare([someRecord(), peer], now);
    expect(code).toBe(0);
    expect(text).toMatch(/-20\.0 %.*faster/);
    expect(text).toMatch(/jax-js.*slower/);
  });

  test("another driver is told, another adapter is refused", () => {
    expect(compare([someRecord()], [someRecord({ driver: "driver 2" })]).text).toMatch(/driver 1, now driver 2/);
    const refused = () => compare([someRecord()], [someRecord({ adapter: "adapter B" })]);
    expect(refused).toThrow(UserError);
    expect(refused).toThrow(/adapter A.*adapter B.*compare runs on one adapter/);
  });

  test.each([
    ["no JSON", "[{", /old\.json: cannot be read as JSON/],
    ["no array", {}, /expected an array of records/],
    ["no text", [{ ...someRecord(), adapter: 3 }], /record 0: adapter is 3/],
    ["no time", [{ ...someRecord(), bestMs: 0 }], /record 0: bestMs is 0/],
    ["nothing in common", [someRecord({ case: "copy" })], /no case of the same engine in common/],
  ])("a file is refused: %s", (_, old, message) => {
    expect(() => compare(old, [someRecord()])).toThrow(UserError);
    expect(() => compare(old, [someRecord()])).toThrow(message);
  });
});
