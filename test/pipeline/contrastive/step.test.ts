import { describe, expect, test } from "vitest";
import { type Device, Tape } from "../../../engine/index.js";
import { createNetwork, type Network } from "../../../models/index.js";
import type { Config } from "../../../pipeline/config/schema.js";
import { createObjective } from "../../../pipeline/contrastive/create.js";
import { ContrastiveStep, ofClassifier } from "../../../pipeline/contrastiveStep.js";
import { phaseOptimizer } from "../../../pipeline/run/phase.js";
import { nd, ntXent } from "../../reference/index.js";
import { normals } from "../../support/checkOp.js";
import { testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";
import { quickConfig } from "../run/support.js";

const n = 6;
const rate = 0.03;

function makeNetwork(device: Device): Network {
  return createNetwork(device, {
    model: "vgg-compact",
    width: 0.0625,
    input: 32,
    classes: 4,
    seed: 3,
    label: "student",
  });
}

const configOf = (method: string) =>
  quickConfig({
    set: [
      `method=${method}`,
      "model=vgg-compact",
      "patch.size=32",
      "simtriplet.hidden=32",
      "simtriplet.size=32",
      "simtriplet.bottleneck=8",
      "clustering.hidden=32",
      "clustering.size=16",
    ],
  });

/** A network with its objective and optimisers, and a batch of noisy views of random images that stays the same. */
function makeStep(device: Device, config: Config) {
  const network = makeNetwork(device);
  const objective = createObjective(device, config, 4);
  const optimizer = phaseOptimizer(
    network,
    config.contrastive.optimizer,
    (name) => objective.clusters || !ofClassifier(name),
  );
  const heads = Object.values(objective.heads).map((head) => ({
    constantRate: head.constantRate,
    optimizer: phaseOptimizer(head.network, config.contrastive.optimizer),
  }));
  const step = new ContrastiveStep(device, { network, optimizer }, objective, heads);
  const random = normals(6);
  const images = Float32Array.from({ length: n * 32 * 32 }, () => 0.5 + 0.2 * random());
  const values = Float32Array.from(
    { length: objective.views * images.length },
    (_, i) => images[i % images.length]! + 0.05 * random(),
  );
  const views = device.fromValues(values, [objective.views * n, 32, 32, 1], "views");
  const release = () => {
    for (const one of [step, network, objective, optimizer, ...heads.map((head) => head.optimizer)]) one.release();
    device.release(views);
  };
  return { network, objective, step, views, heads, release };
}

describe.each(["simclr", "contrastive-clustering", "simtriplet"])("a step of %s", (method) => {
  test("learns one batch: the loss falls, and memory does not grow", async () => {
    const device = await testDevice();
    const made = makeStep(device, configOf(method));
    const { step, objective } = made;
    const rows: Float32Array[] = [];
    const live: number[] = [];
    for (let i = 0; i < 24; i++) {
      step.prepare(rate);
      step.compute({ x: made.views });
      rows.push(await device.read(step.scalars.values));
      live.push(device.memory.live);
    }
    expect(new Set(live).size).toBe(1);
    const [first, last] = [rows[0]!, rows.at(-1)!];
    expect(rows.every((row) => row.every(Number.isFinite))).toBe(true);
    // The least of each loss, reached where all views of an image are alike: NT-Xent's is that of N spread directions.
    const least = Math.log(Math.exp(2) + (2 * n - 2) * Math.exp(-2 / (n - 1))) - 2;
    const floor = { simclr: least, "contrastive-clustering": least + Math.log(Math.E + 6) - 1, simtriplet: -2 }[
      method
    ]!;
    expect(last[0]).toBeGreaterThan(floor);
    expect(last[0]).toBeLessThan(first[0]! - (first[0]! - floor) / 4);
    // The loss is the sum of its parts.
    if (objective.scalars.length > 1)
      for (const [loss, ...parts] of rows)
        expectClose([loss!], [parts.reduce((a, b) => a + b)], { atol: 1e-5, rtol: 1e-5 }, "sum");
    made.release();
  });
});

test("the first loss of SimCLR is NT-Xent of the network's features, and its classifier stays", async () => {
  const device = await testDevice();
  const config = configOf("simclr");
  const { network, step, views, release } = makeStep(device, config);
  const copy = makeNetwork(device);
  const tape = Tape.inference(device);
  const { features } = copy.forward(tape, { x: views }, { training: true });
  const z = nd(features.shape, await device.read(features));
  step.prepare(rate);
  step.compute({ x: views });
  const { temperature } = config.contrastive;
  const expected = ntXent.forward([z], { temperature }).data;
  expectClose(await device.read(step.scalars.values), expected, { atol: 1e-5, rtol: 1e-4 }, "loss");
  for (const { name, value } of network.arena.parameters) {
    const [now, before] = [await device.read(value), await device.read(copy.arena.get(name).value)];
    if (ofClassifier(name)) expect(now).toEqual(before);
    else if (name.endsWith(".0.weight")) expect(now).not.toEqual(before);
  }
  tape.dispose();
  copy.release();
  release();
});

test("the predictor of SimTriplet keeps its rate where the others' is 0, unless it is to follow", async () => {
  const device = await testDevice();
  const movedHeads = async (schedule: string) => {
    const config = configOf("simtriplet");
    const set = { ...config, simtriplet: { ...config.simtriplet, predictorSchedule: schedule as "constant" } };
    const { objective, step, views, release } = makeStep(device, set);
    const heads = Object.entries(objective.heads);
    const before = await Promise.all(heads.map(([, { network }]) => device.read(network.arena.values)));
    step.prepare(0, rate);
    step.compute({ x: views });
    const after = await Promise.all(heads.map(([, { network }]) => device.read(network.arena.values)));
    release();
    return heads.flatMap(([name], i) => (after[i]!.some((v, k) => v !== before[i]![k]) ? [name] : []));
  };
  expect(await movedHeads("constant")).toEqual(["predictor"]);
  expect(await movedHeads("same")).toEqual([]);
});
