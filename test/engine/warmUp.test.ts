import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import * as kernels from "../../engine/generated/kernels.js";
import type { Device } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import type { PipelineRequest } from "../../engine/pipelines.js";
import { type CompileElsewhere, warmUp } from "../../engine/warmUp.js";

let own: Device | null = null;
afterEach(() => {
  own?.close();
  own = null;
});

/** Kernels of short compilation: the same one with other constants. */
function requests(count: number): PipelineRequest[] {
  const kernel = kernels.reluForward as unknown as PipelineRequest["kernel"];
  return Array.from({ length: count }, (_, i) => ({
    kernel,
    constants: { WG: 8, STEPS: 2 + i },
    params: { count: 1 },
  }));
}

describe("a warm-up", () => {
  it("runs every kernel once, and leaves neither memory nor an observer behind", async () => {
    own = await openNodeDevice({ helpers: false });
    const seen: unknown[] = [];
    own.observer = { dispatch: (dispatch) => void seen.push(dispatch) };
    const { observer } = own;
    let done = 0;
    await warmUp(own, requests(6), () => done++);
    expect(done).toBe(6);
    expect(own.counters).toMatchObject({ pipelines: 6, dispatches: 6 });
    expect(own.memory.live).toBe(0);
    expect(own.observer).toBe(observer);
    expect(seen).toEqual([]);
  });

  it("shares its kernels with help from elsewhere, and loads what was compiled there", async () => {
    own = await openNodeDevice({ helpers: false });
    const taken: PipelineRequest[] = [];
    const elsewhere: CompileElsewhere = async (take, onDone) => {
      for (let request = take(); request; request = take()) {
        taken.push(request);
        await new Promise((resolve) => setTimeout(resolve, 5));
        onDone(request);
      }
    };
    // Slow enough that help is worth it: each kernel waits for its turn.
    const all = requests(12);
    let done = 0;
    const sync = own.sync.bind(own);
    own.sync = async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await sync();
    };
    await warmUp(own, all, () => done++, elsewhere);
    expect(done).toBe(12);
    expect(taken.length).toBeGreaterThan(4);
    expect(all.slice(-taken.length).reverse()).toEqual(taken);
    expect(own.counters).toMatchObject({ pipelines: 12, dispatches: 12 });
  });
});

/** Runs a script against the built engine with a disk cache of its own; gives its JSON output and the bytes in the cache. */
function withBuilt(script: string): { output: unknown; cached: number } {
  const folder = mkdtempSync(join(tmpdir(), "equipoise-warm-up-"));
  try {
    const engine = (name: string) =>
      pathToFileURL(fileURLToPath(new URL(`../../dist/node/engine/${name}.js`, import.meta.url))).href;
    const file = join(folder, "script.mjs");
    writeFileSync(
      file,
      `import { compileHelpers } from "${engine("compileHelper")}";
       import * as kernels from "${engine("generated/kernels")}";
       const requests = [2, 3, 4, 5].map((STEPS) => ({ kernel: kernels.reluForward, constants: { WG: 8, STEPS }, params: { count: 1 } }));
       ${script}`,
    );
    const cache = join(folder, "cache");
    const env = { ...process.env, MESA_SHADER_CACHE_DIR: cache };
    const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 60_000, env });
    expect(status, stderr).toBe(0);
    return { output: JSON.parse(stdout), cached: bytesIn(cache) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function bytesIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.reduce((total, name) => total + statSync(join(folder, name)).size, 0);
}

describe("processes that help to compile", () => {
  it("compile what they are given into the driver's cache, and end", async () => {
    own = await openNodeDevice({ helpers: false });
    const { output, cached } = withBuilt(`
      const done = [];
      await compileHelpers({})(() => requests.pop(), ({ constants }) => done.push(constants.STEPS));
      console.log(JSON.stringify(done.sort()));`);
    expect(output).toEqual([2, 3, 4, 5]);
    // Mesa's software adapter keeps such a cache.
    if (own.info.description.includes("Mesa") && own.info.isCpu) expect(cached).toBeGreaterThan(10_000);
  });

  it("give back what they could not compile: no adapter there, or a kernel that they do not know", () => {
    const { output } = withBuilt(`
      const [first, second, ...others] = requests;
      const done = [];
      const onDone = ({ constants }) => done.push(constants.STEPS);
      await compileHelpers({ adapter: "no such adapter" })(() => first, onDone);
      const list = [{ ...second, kernel: { ...second.kernel, name: "unknown" } }];
      await compileHelpers({})(() => list.pop(), onDone);
      const broken = [{ ...others[0], constants: { STEPZ: 1 } }];
      await compileHelpers({})(() => broken.pop(), ({ constants }) => done.push(constants.STEPZ));
      console.log(JSON.stringify(done));`);
    // Without an adapter nothing was taken.
    expect(output).toEqual([3, 1]);
  });
});
