import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { parseCsv } from "../../../pipeline/data/csv.js";
import { readGrey } from "../../../pipeline/data/png.js";
import { synthParameters } from "../../../pipeline/synth/index.js";
import { drawFrame, type Frame } from "../../../pipeline/synth/wells/frame.js";
import { classOf, planWell } from "../../../pipeline/synth/wells/history.js";
import { synthesiseWells, type WellsOptions, wellName } from "../../../pipeline/synth/wells/index.js";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "wells-test-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const small: WellsOptions = { wells: 2, frames: 2, size: 400, seed: 5 };
const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const frame = (hour: number, well = "A01", size = 900): Frame =>
  drawFrame(planWell(7, well, size, 48), { seed: 7, well, hour, size, parameters: synthParameters });

describe("synthesiseWells", () => {
  it("writes pictures, true masks of the same names, and a row per colony that says what the mask shows", async () => {
    const out = join(root, "set");
    const seen: number[] = [];
    const summary = await synthesiseWells(out, { ...small, onProgress: (done) => seen.push(done) });
    expect(seen).toEqual([1, 2, 3, 4]);
    const names = ["A01_t00.png", "A01_t01.png", "A02_t00.png", "A02_t01.png"];
    expect(readdirSync(join(out, "wells")).sort()).toEqual(names);
    expect(readdirSync(join(out, "truth")).sort()).toEqual([...names, "colonies.csv"]);
    const { rows } = parseCsv(readFileSync(join(out, "truth/colonies.csv"), "utf8"), "colonies.csv");
    expect(rows.length).toBe(Object.values(summary.counts).reduce((a, b) => a + b, 0));
    for (const { values } of rows) {
      const mask = readGrey(join(out, "truth", `${values.well}_t0${values.time}.png`));
      const places = [...mask.pixels.keys()].filter((i) => mask.pixels[i] === Number(values.colony));
      const [ys, xs] = [places.map((i) => Math.floor(i / 400)), places.map((i) => i % 400)];
      expect(places.length).toBe(Number(values.area));
      const box = [Math.min(...ys), Math.min(...xs), Math.max(...ys) + 1, Math.max(...xs) + 1];
      expect(box.map(String)).toEqual([values.min_row, values.min_col, values.max_row, values.max_col]);
      expect(values.touches_border).toBe(box[0] === 0 || box[1] === 0 || box[2] === 400 || box[3] === 400 ? "1" : "0");
    }
  });

  it("gives the same bytes again, and others with another seed", async () => {
    const bytesOf = async (name: string, seed: number) => {
      const out = join(root, name);
      await synthesiseWells(out, { ...small, wells: 1, seed });
      return readdirSync(join(out, "wells")).map((file) => sha(readFileSync(join(out, "wells", file))));
    };
    const first = await bytesOf("again-1", 5);
    expect(await bytesOf("again-2", 5)).toEqual(first);
    expect(await bytesOf("again-3", 6)).not.toEqual(first);
    expect(sha(readFileSync(join(root, "set/wells/A01_t00.png")))).toBe(first[0]);
  });

  it("refuses options out of range and folders that hold something, and keeps nothing when stopped", async () => {
    const run = (name: string, options: Partial<WellsOptions>) =>
      synthesiseWells(join(root, name), { ...small, ...options });
    await expect(run("bad", { wells: 97 })).rejects.toThrow("the number of wells is 97");
    await expect(run("bad", { size: 100 })).rejects.toThrow("the size is 100");
    await expect(run("bad", { frames: 0 })).rejects.toThrow(UserError);
    mkdirSync(join(root, "full"));
    writeFileSync(join(root, "full/mine.txt"), "1");
    await expect(run("full", {})).rejects.toThrow(/full: the output folder is not empty/);
    const controller = new AbortController();
    const stopped = run("stopped", { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(join(root, "stopped"))).toBe(false);
    expect(readdirSync(root).filter((name) => name.startsWith(".stopped"))).toEqual([]);
  });
});

describe("a well over two days", () => {
  it("colonies keep their ids, grow, and drift by no more than a few pixels an hour", () => {
    const [early, late] = [frame(0), frame(40)];
    const areas = (of: Frame) => new Map(of.colonies.filter((c) => !c.touchesBorder).map((c) => [c.id, c.area]));
    const both = [...areas(early)].filter(([id]) => areas(late).has(id));
    expect(both.length).toBeGreaterThan(0);
    const ratios = both.map(([id, area]) => (areas(late).get(id) as number) / area).sort((a, b) => a - b);
    expect(ratios[Math.floor(ratios.length / 2)]).toBeGreaterThan(1.5);
    for (const colony of planWell(7, "A01", 2908, 48))
      for (let hour = 1; hour < 48; hour++) {
        const [[x0, y0], [x1, y1]] = [colony.centre(hour - 1), colony.centre(hour)];
        expect(Math.hypot(x1 - x0, y1 - y0)).toBeLessThan(3);
        const [before, after] = [colony.areas[0]!.state(hour - 1), colony.areas[0]!.state(hour)];
        expect(Math.abs(after.stage - before.stage)).toBeLessThan(0.08);
      }
  });

  it("differentiate: pluripotent colonies dominate at the start, spread and later classes at the end", () => {
    const wells = Array.from({ length: 24 }, (_, i) => planWell(1, wellName(i), 2908, 48)).flat();
    const share = (name: string, hour: number) => {
      const classes = wells.map(({ areas }) => classOf(areas[0]!.state(hour), synthParameters));
      return classes.filter((found) => found === name).length / classes.length;
    };
    expect(share("Dense", 0)).toBeGreaterThan(0.6);
    expect(share("Spread", 47)).toBeGreaterThan(0.35);
    expect(share("Diff", 47)).toBeGreaterThan(0.02);
    expect(share("Debris", 47)).toBeGreaterThan(share("Debris", 0));
    expect(share("Dense", 47)).toBeLessThan(share("Dense", 0) / 2);
  });

  it("shows ragged colonies whole: none ends in a straight line at a side of its box", () => {
    const [size, shares]: [number, number[]] = [900, []];
    for (const well of ["A01", "A02"]) {
      const { ids, colonies } = frame(44, well, size);
      for (const { id, minRow, maxRow, minCol, maxCol, area, touchesBorder } of colonies) {
        if (touchesBorder || area < 2000) continue;
        const count = (length: number, place: (i: number) => number) =>
          Array.from({ length }, (_, i) => ids[place(i)]).filter((found) => found === id).length / length;
        for (const row of [minRow, maxRow - 1]) shares.push(count(maxCol - minCol, (i) => row * size + minCol + i));
        for (const column of [minCol, maxCol - 1])
          shares.push(count(maxRow - minRow, (i) => (minRow + i) * size + column));
      }
    }
    expect(shares.length).toBeGreaterThan(12);
    expect(Math.max(...shares)).toBeLessThan(0.15);
  });

  it("is lit unevenly, and noisy where nothing grows", () => {
    const { pixels, ids } = frame(10);
    const mean = (keep: (x: number, y: number) => boolean) => {
      const values = [...pixels.keys()].filter((i) => ids[i] === 0 && keep(i % 900, Math.floor(i / 900)));
      return values.reduce((sum, i) => sum + (pixels[i] as number), 0) / values.length;
    };
    const middle = mean((x, y) => Math.hypot(x - 450, y - 450) < 300);
    const corners = mean((x, y) => Math.hypot(x - 450, y - 450) > 550);
    expect(middle - corners).toBeGreaterThan(4);
    const steps = [...pixels.keys()].filter((i) => ids[i] === 0 && ids[i + 1] === 0).slice(0, 20000);
    const noise = steps.reduce((sum, i) => sum + Math.abs((pixels[i + 1] as number) - (pixels[i] as number)), 0);
    expect(noise / steps.length).toBeGreaterThan(0.5);
  });
});

it("classes follow from the state as single colonies are drawn", () => {
  const name = (stage: number, dead: number) => classOf({ stage, dead }, synthParameters);
  expect([name(0.1, 0.01), name(0.45, 0.01), name(0.92, 0.01), name(0.45, 1), name(0.1, 1.2)]).toEqual([
    "Dense",
    "Spread",
    "Diff",
    "Debris",
    "Debris",
  ]);
  expect([name(0.28, 0.01), name(0.31, 0.01)]).toEqual(["Dense", "Spread"]);
});
