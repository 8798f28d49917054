import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { Tape, type Tensor } from "../../../engine/index.js";
import type { RawTensor } from "../../../models/index.js";
import type { Network } from "../../../models/network.js";
import { Clustering } from "../../../pipeline/contrastive/clustering.js";
import type { Objective } from "../../../pipeline/contrastive/objective.js";
import { SimTriplet } from "../../../pipeline/contrastive/simTriplet.js";
import { nd } from "../../reference/index.js";
import { ndTensor } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";
import { quickConfig } from "../run/support.js";

interface Numbers {
  shape: number[];
  data: number[];
}
type Named = Record<string, Numbers>;
interface Case {
  features: Numbers;
  losses: Record<string, number>;
}
type ClusteringCase = Case & {
  logits: Numbers;
  head: Named;
  gradients: { features: Numbers; logits: Numbers; head: Named };
};
type TripletCase = Case & {
  projection: Named;
  predictor: Named;
  gradients: { features: Numbers; projection: Named; predictor: Named };
  running: Named;
};
const fixture = JSON.parse(readFileSync("test/fixtures/contrastive.json", "utf8")) as {
  clustering: ClusteringCase[];
  triplet: TripletCase[];
};

const toRaw = (tensors: Named) =>
  new Map<string, RawTensor>(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { dtype: "F32", shape, data: Float32Array.from(data) },
    ]),
  );
const load = (network: Network | undefined, tensors: Named) =>
  network!.loadStateDict(toRaw(tensors), "contrastive.json");
const close = { atol: 2e-6, rtol: 2e-5 };
const released: (() => void)[] = [];
afterAll(() => {
  for (const release of released) release();
});

/** Losses of an objective, and gradients of what it was given, compared with PyTorch's. */
async function expectLosses(
  objective: Objective,
  inputs: { features: Numbers; logits?: Numbers },
  expected: { losses: Record<string, number>; gradients: Record<string, Numbers | Named> },
): Promise<void> {
  released.push(() => objective.release());
  const { device } = Object.values(objective.heads)[0]!.network;
  const tape = new Tape(device);
  const given = (x: Numbers, name: string): Tensor => tape.keep(tape.watch(ndTensor(tape, nd(x.shape, x.data), name)));
  const features = given(inputs.features, "features");
  const logits = inputs.logits ? given(inputs.logits, "logits") : features;
  const losses = objective.losses(tape, { features, logits });
  expect(Object.keys(losses).sort()).toEqual([...objective.scalars].sort());
  expect(objective.scalars[0]).toBe("loss");
  for (const [name, loss] of Object.entries(losses))
    expectClose(await device.read(tape.keep(loss)), [expected.losses[name]!], close, name);
  tape.backward([losses.loss]);
  const {
    features: byFeatures,
    logits: byLogits,
    ...heads
  } = expected.gradients as Record<string, Named> & {
    features: Numbers;
    logits?: Numbers;
  };
  expectClose(await device.read(tape.gradient(features)), byFeatures.data, close, "gradient of the features");
  if (byLogits) expectClose(await device.read(tape.gradient(logits)), byLogits.data, close, "gradient of the logits");
  for (const [head, gradients] of Object.entries(heads)) {
    const found = await objective.heads[head]!.network.gradients();
    expect([...found.keys()].sort()).toEqual(Object.keys(gradients).sort());
    for (const [name, { data }] of Object.entries(gradients as Named))
      expectClose(found.get(name)!.data as Float32Array, data, close, `gradient of ${head} ${name}`);
  }
  tape.dispose();
}

describe.each(deviceVariants)("as PyTorch computes them, %s:", (_, options) => {
  it.each(fixture.clustering.map((one) => [one.logits.shape, one] as const))(
    "losses and gradients of Contrastive Clustering, logits [%s]",
    async (_shape, { features, logits, head, losses, gradients }) => {
      const [hidden, size] = [head["0.weight"]!.shape[0], head["2.weight"]!.shape[0]];
      const config = quickConfig({ set: [`clustering.hidden=${hidden}`, `clustering.size=${size}`] });
      const objective = new Clustering(await testDevice(options), config, features.shape[1]!);
      load(objective.heads.instance.network, head);
      const { head: instance, ...others } = gradients;
      await expectLosses(objective, { features, logits }, { losses, gradients: { ...others, instance } });
    },
  );

  it.each(fixture.triplet.map((one) => [one.features.shape, one] as const))(
    "losses, gradients and statistics of SimTriplet, features [%s]",
    async (_shape, { features, projection, predictor, losses, gradients, running }) => {
      const linear = Object.values(projection).filter(({ shape }) => shape.length === 2);
      const config = quickConfig({
        set: [
          `simtriplet.layers=${linear.length}`,
          `simtriplet.hidden=${linear[0]!.shape[0]}`,
          `simtriplet.size=${linear.at(-1)!.shape[0]}`,
          `simtriplet.bottleneck=${predictor["0.weight"]!.shape[0]}`,
        ],
      });
      const device = await testDevice(options);
      const objective = new SimTriplet(device, config, features.shape[1]!);
      load(objective.heads.projection.network, projection);
      load(objective.heads.predictor.network, predictor);
      await expectLosses(objective, { features }, { losses, gradients });
      const { buffers } = objective.heads.projection.network;
      for (const [name, { data }] of Object.entries(running))
        expectClose(await device.read(buffers.get(name)), data, close, name);
    },
  );
});
