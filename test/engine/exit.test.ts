import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What the scripts of the tests begin with: an engine, and a training step of a small network on a device. */
const prelude = `
import { conv2d, createOptimizer, flatten, linear, ParameterArena, relu, softmaxCrossEntropy, Tape } from "./engine/index.js";
import { listNodeAdapters, openNodeDevice } from "./engine/node.js";
const shapes = { conv: [3, 3, 1, 4], fc: [1, 1, 64, 3] };
const specs = Object.entries(shapes).map(([name, shape]) => ({
  name, shape, layout: "same", init: () => new Float32Array(shape.reduce((a, b) => a * b)).fill(0.1),
}));
async function train(device) {
  const arena = new ParameterArena(device, specs, "net");
  const optimizer = createOptimizer(arena, { name: "sgd", momentum: 0.9 }, () => ({ rateFactor: 1, weightDecay: 0 }));
  const x = device.fromValues(new Float32Array(32).fill(1), [2, 4, 4, 1], "x");
  const labels = device.fromValues([0, 2], [2], "labels", "u32");
  const tape = new Tape(device);
  const y = flatten(tape, relu(tape, conv2d(tape, x, tape.use(arena.get("conv")), null, { padding: 1 })));
  const loss = softmaxCrossEntropy(tape, linear(tape, y, tape.use(arena.get("fc")), null), { labels });
  tape.backward([loss]);
  optimizer.step(0.1);
  console.log((await device.read(loss))[0].toFixed(4));
}
`;

interface Ended {
  code: number | null;
  signal: string | null;
  /** From the last output to the end. */
  seconds: number;
  stdout: string;
  stderr: string;
}

/** Runs a script in a Node of its own, which must end by itself. */
async function run(script: string): Promise<Ended> {
  const bundle = await build({
    stdin: { contents: prelude + script, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["webgpu"],
  });
  let lastOutput = performance.now();
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-"], { cwd: root });
  const timer = setTimeout(() => child.kill("SIGKILL"), 90_000);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
    lastOutput = performance.now();
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  child.stdin.end(bundle.outputFiles[0]!.text);
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, seconds: (performance.now() - lastOutput) / 1000, stdout, stderr });
    });
  });
}

/** log(3): all classes are equal at the start. */
const loss = "1.0986\n";

describe("the process ends by itself", () => {
  it.each([
    ["after a training step", `const d = await openNodeDevice(); await train(d); d.close();`, loss],
    [
      "after several devices, garbage collected in between",
      `for (let i = 0; i < 3; i++) {
         const d = await openNodeDevice();
         gc(); await train(d); gc(); await train(d);
         d.close(); gc();
       }`,
      loss.repeat(6),
    ],
    [
      "after listing adapters, and beside it",
      `console.log((await listNodeAdapters()).length > 0); gc();
       const d = await openNodeDevice(); await listNodeAdapters(); gc(); await train(d); d.close();`,
      `true\n${loss}`,
    ],
    [
      "when no adapter matches",
      `await openNodeDevice({ adapter: "none such" }).catch((error) => console.log(error.kind));`,
      "no-adapter\n",
    ],
    [
      "when the device was lost",
      `const d = await openNodeDevice(); d.gpu.destroy(); await d.gpu.lost;
       await train(d).catch((error) => console.log(error.kind)); d.close();`,
      "device-lost\n",
    ],
  ])("%s", async (_, script, output) => {
    const { code, signal, seconds, stdout, stderr } = await run(script);
    expect({ code, signal, stdout }, stderr).toEqual({ code: 0, signal: null, stdout: output });
    expect(seconds).toBeLessThan(5);
  });

  it("with an error where the error is not caught", async () => {
    const { code, stderr } = await run(
      `const d = await openNodeDevice(); await train(d); throw new Error("on purpose");`,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("on purpose");
  });
});
