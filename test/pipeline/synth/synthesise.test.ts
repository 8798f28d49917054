import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { build } from "esbuild";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { type SynthOptions, type SynthParameters, synthesise, synthParameters } from "../../../pipeline/synth/index.js";

/** The frozen parameters with fewer images: 9 + 10 + 2 + 26 + 7. */
const few: SynthParameters = {
  ...synthParameters,
  presets: { ...synthParameters.presets, tiny: { ...synthParameters.presets.tiny, share: 1 / 400 } },
};
const options: SynthOptions = { preset: "tiny", seed: 11, parameters: few, workers: 0 };

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "synth-test-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Paths below a folder with the hash of each file. */
function tree(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const entries = files.map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name);
    return [relative(folder, path), createHash("sha256").update(readFileSync(path)).digest("hex")];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function messageOf(run: Promise<unknown>): Promise<string> {
  const error: unknown = await run.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

describe("synthesise", () => {
  it("writes images, masks of the same names and sizes, and the truth", async () => {
    const out = join(root, "set");
    const seen: [number, number][] = [];
    const summary = await synthesise(out, { ...options, onProgress: (done, total) => seen.push([done, total]) });
    expect(summary).toMatchObject({ preset: "tiny", seed: 11, version: few.version, images: 54, workers: 0 });
    expect(summary.counts).toEqual({ Debris: 9, Dense: 10, Diff: 2, Spread: 26, MultiLabel: 7 });
    expect(seen.at(-1)).toEqual([54, 54]);
    const truth = JSON.parse(readFileSync(join(out, "synth.json"), "utf8"));
    expect(truth).toMatchObject({ version: few.version, preset: "tiny", seed: 11, counts: summary.counts });
    expect(truth.images).toHaveLength(54);
    let bytes = 0;
    for (const record of truth.images) {
      const files = ["images", "masks"].map((kind) => join(out, kind, record.file));
      const [picture, mask] = files.map((file) => PNG.sync.read(readFileSync(file), { skipRescale: true }));
      expect([picture!.width, picture!.height]).toEqual([record.width, record.height]);
      expect([mask!.width, mask!.height]).toEqual([record.width, record.height]);
      expect(new Set(mask!.data.filter((_, i) => i % 4 === 0))).toEqual(new Set([0, 255]));
      for (const file of files) {
        const header = readFileSync(file).subarray(24, 26);
        expect([...header]).toEqual([8, 0]); // 8 bits, grey
        bytes += statSync(file).size;
      }
      expect(record.parts.length > 1).toBe(record.file.startsWith("MultiLabel/"));
    }
    expect(bytes).toBe(summary.bytes);
    expect(readdirSync(join(out, "images", "Diff"))).toEqual(["Diff_0001.png", "Diff_0002.png"]);
    expect(readdirSync(root).filter((name) => name.includes("partial"))).toEqual([]);
  });

  it("gives the same bytes for the same seed, in one thread or on workers, and others for another seed", async () => {
    const workerFile = join(root, "worker.mjs");
    const entryPoints = [new URL("../../../pipeline/synth/worker.ts", import.meta.url).pathname];
    const banner = {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    };
    await build({ entryPoints, bundle: true, platform: "node", format: "esm", outfile: workerFile, banner });
    const inline = await synthesise(join(root, "inline"), options);
    const one = await synthesise(join(root, "one"), { ...options, workers: 1, workerFile });
    const three = await synthesise(join(root, "three"), { ...options, workers: 3, workerFile });
    const other = await synthesise(join(root, "other"), { ...options, seed: 12 });
    expect([inline.workers, one.workers, three.workers]).toEqual([0, 1, 3]);
    const expected = tree(inline.out);
    expect(Object.keys(expected)).toHaveLength(2 * 54 + 1);
    expect(tree(one.out)).toEqual(expected);
    expect(tree(three.out)).toEqual(expected);
    const file = join("images", "Dense", "Dense_0001.png");
    expect(tree(other.out)[file]).not.toBe(expected[file]);
  });

  it("passes a worker's failure on and leaves nothing behind", async () => {
    const workerFile = join(root, "broken.mjs");
    writeFileSync(workerFile, 'throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });');
    const message = await messageOf(synthesise(join(root, "broken"), { ...options, workers: 2, workerFile }));
    expect(message).toMatch(/cannot write to .*broken: the disk is full; free some space/);
    const early = join(root, "early.mjs");
    writeFileSync(early, "process.exit(3);");
    await expect(synthesise(join(root, "broken"), { ...options, workers: 1, workerFile: early })).rejects.toThrow(
      "ended early with code 3",
    );
    expect(readdirSync(root).filter((name) => /^broken($|\.partial)/.test(name))).toEqual([]);
  });

  it("stops when told and leaves nothing behind", async () => {
    const controller = new AbortController();
    const run = synthesise(join(root, "stopped"), {
      ...options,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(run).rejects.toThrow(/abort/i);
    expect(readdirSync(root).filter((name) => name.startsWith("stopped"))).toEqual([]);
  });
});

describe("what synthesise refuses", () => {
  it("a folder that is not empty, and touches nothing in it", async () => {
    const out = join(root, "full");
    mkdirSync(out);
    writeFileSync(join(out, "notes.txt"), "mine");
    const message = await messageOf(synthesise(out, options));
    expect(message).toContain(out);
    expect(message).toMatch(/not empty .*"notes.txt".*give a new or an empty folder/);
    expect(readdirSync(out)).toEqual(["notes.txt"]);
  });

  it("but not an empty one", async () => {
    const out = join(root, "empty");
    mkdirSync(out);
    await synthesise(out, options);
    expect(existsSync(join(out, "synth.json"))).toBe(true);
  });

  it("a file", async () => {
    const out = join(root, "file");
    writeFileSync(out, "x");
    expect(await messageOf(synthesise(out, options))).toBe(`synth: ${out} is a file; give a new or an empty folder`);
  });

  it("a place it cannot write to", async () => {
    writeFileSync(join(root, "plain"), "x");
    const out = join(root, "plain", "set");
    expect(await messageOf(synthesise(out, options))).toMatch(
      /cannot write to .*plain\/set: a part of the path is a file/,
    );
    // Nobody, not even root, makes folders in /proc.
    expect(await messageOf(synthesise("/proc/set", options))).toMatch(/cannot write to \/proc\/set: the system allows/);
  });

  it("an unknown preset and a bad seed", async () => {
    const preset = "huge" as "tiny";
    expect(await messageOf(synthesise(join(root, "x"), { ...options, preset }))).toBe(
      'synth: preset is "huge"; choose one of tiny, small, table1',
    );
    for (const seed of [-1, 1.5, Number.NaN, 2 ** 53]) {
      expect(await messageOf(synthesise(join(root, "x"), { ...options, seed }))).toMatch(/seed is .*; give an integer/);
    }
    expect(existsSync(join(root, "x"))).toBe(false);
  });
});
