import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openNodeDevice } from "../../../engine/node.js";
import type { TensorData } from "../../../models/safetensors.js";
import { memoryPatches } from "../../../pipeline/data/memory.js";
import { readGrey } from "../../../pipeline/data/png.js";
import { scanDataset } from "../../../pipeline/data/scan.js";
import { readCheckpoint } from "../../../pipeline/run/checkpoint.js";
import { FolderStore, makeRunFolders, runPaths, writeAtomic } from "../../../pipeline/run/folder.js";
import { type RunFile, type RunLines, type RunStore, runFiles, writeRemedy } from "../../../pipeline/run/store.js";
import { runTraining } from "../../../pipeline/run/training.js";
import { trainRun } from "../../../pipeline/run/trainRun.js";
import { splitData, Workspace } from "../../../pipeline/run/workspace.js";
import { temporaryFolder, writeImages } from "./images.js";
import { KeptLog, type MetricsLine, metricsOf, quickConfig, sha256 } from "./support.js";

const folder = temporaryFolder();
const data = join(folder.path, "data");
afterAll(folder.remove);
beforeAll(() => writeImages(data));

/** A run that touches no disk. */
class MemoryStore implements RunStore {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();

  nameOf(file: RunFile): string {
    return file;
  }

  async read(file: RunFile): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.files.get(file) ?? null;
  }

  async write(file: RunFile, content: string | Uint8Array): Promise<void> {
    this.files.set(file, new Uint8Array(typeof content === "string" ? new TextEncoder().encode(content) : content));
  }

  text(file: RunFile): string {
    return new TextDecoder().decode(this.files.get(file));
  }

  lines(file: RunFile, keep: number | null): RunLines {
    let text = this.text(file).slice(0, keep ?? undefined);
    return {
      get bytes() {
        return text.length;
      },
      append: (line) => {
        text += `${line}\n`;
      },
      sync: () => this.write(file, text),
      close: () => void this.write(file, text),
    };
  }

  async sha256(parts: Iterable<string | TensorData>): Promise<string> {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return hash.digest("hex");
  }
}

const config = quickConfig();

/** Trains with images and files in memory, until `stopAt` progress reports or the end. */
async function trainInMemory(store: MemoryStore, stopAt = Number.POSITIVE_INFINITY): Promise<void> {
  const dataset = await scanDataset(data, config.data);
  const pictures = dataset.images.map(({ file }) => ({ name: file, image: readGrey(file), mask: null }));
  const stop = new AbortController();
  let steps = 0;
  const log = new KeptLog(({ label }) => {
    if (label === "training teacher and student" && ++steps === stopAt) stop.abort(new Error("stopped"));
  });
  const { patch, seed } = config;
  const loader = memoryPatches(pictures, { ...patch, cacheBytes: 1e6, seed });
  const ws = new Workspace(config, await openNodeDevice(), loader, dataset.classes, true);
  try {
    const options = { log, signal: stop.signal, yes: true, between: async () => {} };
    await runTraining(ws, splitData(config, dataset, log), store, options, await readCheckpoint(store));
  } finally {
    await ws.release();
    await ws.close();
  }
}

test("a run with images and files in memory, stopped and resumed, ends as the one in a folder, bit by bit", async () => {
  const out = join(folder.path, "run");
  const signal = new AbortController().signal;
  await trainRun({ config, dataRoot: data, out, tune: "off", yes: true, log: new KeptLog(), signal });
  const store = new MemoryStore();
  await expect(trainInMemory(store, 2)).rejects.toThrow("stopped");
  expect((await readCheckpoint(store))?.state).toMatchObject({ phase: 1, step: 2 });
  await trainInMemory(store);
  for (const role of ["student", "teacher"] as const) {
    const bytes = store.files.get(runFiles[role]) as Uint8Array;
    const digest = createHash("sha256").update(bytes).digest("hex");
    expect(digest, role).toBe(sha256(join(out, "weights", `${role}.safetensors`)));
  }
  const lines = store.text(runFiles.metrics).trimEnd().split("\n");
  const timeless = lines.map((line) => {
    const { seconds: _, hostShare: _share, ...rest } = JSON.parse(line) as MetricsLine;
    return rest;
  });
  expect(timeless).toEqual(metricsOf(out));
  expect(store.text(runFiles.predictions)).toBe(readFileSync(join(out, "predictions.csv"), "utf8"));
});

describe("a folder as a store", () => {
  const open = async (name: string) => {
    const paths = runPaths(join(folder.path, name));
    await makeRunFolders(paths);
    return new FolderStore(paths);
  };

  test("gives back what was written, null for what was not", async () => {
    const store = await open("files");
    expect(await store.read(runFiles.checkpoint)).toBeNull();
    await store.write(runFiles.checkpoint, Uint8Array.of(1, 2, 3));
    expect([...((await store.read(runFiles.checkpoint)) ?? [])]).toEqual([1, 2, 3]);
    expect(store.nameOf(runFiles.student)).toBe(join(folder.path, "files", "weights", "student.safetensors"));
  });

  test("keeps the lines that are asked for", async () => {
    const store = await open("lines");
    const append = (keep: number | null, line: string) => {
      const lines = store.lines(runFiles.metrics, keep);
      lines.append(line);
      lines.close();
      return lines.bytes;
    };
    expect(append(null, "é1")).toBe(4);
    expect(append(null, "two")).toBe(8);
    expect(append(4, "three")).toBe(10);
    expect(readFileSync(store.nameOf(runFiles.metrics), "utf8")).toBe("é1\nthree\n");
    expect(() => store.lines(runFiles.metrics, 11)).toThrow("has 10 bytes, but the checkpoint knows of 11");
  });
});

test("a file that cannot be written is answered with what to do about it", () => {
  const file = join(folder.path, "moved", "result.json");
  expect(() => writeAtomic(file, "{}")).toThrow(
    `${file}: cannot be written (there is no such file or folder): was its folder moved or deleted? Put it back, or choose another folder`,
  );
  const failure = (code: string) => Object.assign(new Error("failed"), { code });
  expect(writeRemedy(failure("ENOSPC"))).toBe("free space");
  expect(writeRemedy(failure("EACCES"))).toBe("make the folder writable");
});
