import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { engineNames } from "../../bench/cases.js";
import { findEngine, type Surroundings } from "../../bench/run/engines.js";
import { benchMeasures, benchNeedsPeers } from "../../scripts/bootstrap.mjs";

describe("where engines are found", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "equipoise-engines-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function file(path: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), "");
  }
  const at = (pythons: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Surroundings => ({
    folder,
    env,
    runs: (command) => pythons.includes(command),
  });

  test("in an empty folder each is absent, with what to do", () => {
    const reasons = engineNames.map((engine) => JSON.stringify(findEngine(engine, at())));
    expect(reasons[0]).toMatch(/absent.*npm run build/);
    expect(reasons[1]).toMatch(/absent.*tfjs-backend-webgpu is not installed.*npm ci/);
    expect(reasons[2]).toMatch(/absent.*@jax-js\/jax is not installed.*npm ci/);
    expect(reasons[3]).toMatch(/absent.*tried python3, .*pip install torch.*EQUIPOISE_PYTHON/);
  });

  test("a peer that is installed is started from its script", () => {
    file("bench/node_modules/@jax-js/jax");
    file("bench/peers/jax.mjs");
    expect(findEngine("jax-js", at())).toEqual({
      launch: { command: process.execPath, args: [join(folder, "bench/peers/jax.mjs")], cwd: folder },
    });
  });

  test("the first Python that has torch is taken, or the one that is named and no other", () => {
    expect(findEngine("torch-cpu", at(["/usr/bin/python3", "python"]))).toMatchObject({
      launch: { command: "/usr/bin/python3" },
    });
    const named = findEngine("torch-cpu", at(["python3"], { EQUIPOISE_PYTHON: "other" }));
    expect(named).toMatchObject({ absent: expect.stringContaining("tried other") });
  });

  test("colony detection in Python needs all of its packages", () => {
    const script = join(folder, "bench/peers/skimage_cpu.py");
    const imports: string[] = [];
    const surroundings: Surroundings = {
      ...at(),
      runs: (command, args) => imports.push(args.join(" ")) > 0 && command === "/usr/bin/python3",
    };
    expect(findEngine("skimage-cpu", surroundings)).toMatchObject({
      launch: { command: "/usr/bin/python3", args: [script] },
    });
    expect(imports).toEqual(Array(2).fill("-c import cv2, numpy, scipy, skimage"));
    expect(findEngine("skimage-cpu", at())).toMatchObject({
      absent: expect.stringMatching(/pip install .*scikit-image/),
    });
  });

  test("the layouts of torch are two engines of one script", () => {
    const [plain, last] = (["torch-cpu", "torch-cpu-nhwc"] as const).map((e) => findEngine(e, at(["python3"])));
    const script = join(folder, "bench/peers/torch_cpu.py");
    expect(plain).toMatchObject({ launch: { args: [script] } });
    expect(last).toMatchObject({ launch: { args: [script, "--channels-last"] } });
  });
});

describe("what the bootstrap prepares", () => {
  test.each([
    [[], true, true],
    [["--only", "copy"], true, true],
    [["--engines", "equipoise"], true, false],
    [["--engines=equipoise,torch-cpu"], true, false],
    [["--engines", "equipoise,jax-js"], true, true],
    [["--list"], false, false],
    [["--help"], false, false],
    [["compare", "a.json", "b.json"], false, false],
  ])("%j: measures %s, needs peers %s", (args, measures, peers) => {
    expect(benchMeasures(args)).toBe(measures);
    expect(benchNeedsPeers(args)).toBe(peers);
  });
});
