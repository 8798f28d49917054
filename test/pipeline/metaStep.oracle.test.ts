import { expect, test } from "vitest";
import { createOptimizer, lrFactor, type Optimizer } from "../../engine/index.js";
import { Network, type RawTensor, toFloat32 } from "../../models/index.js";
import { resolveConfig } from "../../pipeline/config/resolve.js";
import { type MetaScalar, MetaStep, metaScalars, udaWeight } from "../../pipeline/metaStep.js";
import { testDevice } from "../support/device.js";
import { expectClose } from "../support/numeric.js";
import { readFixture, readFixtureTensors } from "../support/oracle.js";
import { tinyNet } from "./run/metaReference.js";

const reference = JSON.parse(readFixture("oracle/mpl/defaults_like/results.json").toString());
const tensors = readFixtureTensors("oracle/mpl/defaults_like/tensors.safetensors");

function state(prefix: string): Map<string, RawTensor> {
  return new Map(
    [...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, t]) => [name.slice(prefix.length), t]),
  );
}

/** Reference name of each scalar. */
const names: Record<MetaScalar, string> = {
  studentLoss: "s_loss",
  teacherLossLabelled: "t_loss_l",
  teacherLossUda: "t_loss_u",
  teacherLossMpl: "t_loss_mpl",
  feedback: "dot_product",
  maskMean: "mask_mean",
  studentLossLabelledOld: "s_loss_l_old",
  studentLossLabelledNew: "s_loss_l_new",
};

test("three meta steps equal the authors' update: scalars, gradients, weights and statistics", async () => {
  const device = await testDevice();
  const { config } = reference;
  const learner = (role: "teacher" | "student") => {
    const network = new Network(device, tinyNet, { classes: 4, seed: 1, label: role });
    network.loadStateDict(state(`init/${role}/`), role);
    const optimizer: Optimizer = createOptimizer(network.arena, { name: "sgd", momentum: config.momentum }, (p) => ({
      rateFactor: 1,
      weightDecay: p.name.includes("bn") ? 0 : config.weight_decay,
    }));
    return { network, optimizer };
  };
  const [teacher, student] = [learner("teacher"), learner("student")];
  const { meta } = resolveConfig({
    config: "mpl-imbalanced",
    recipe: "reference-code",
    set: [`meta.threshold=${config.threshold}`],
  });
  expect(meta).toMatchObject({
    temperature: 1,
    studentMask: false,
    extraStudentForward: true,
    feedbackSign: "new-old",
    feedbackBn: "mixed",
  });
  const dropoutState = device.zeros([2], "dropout state", "u32");
  const step = new MetaStep(device, teacher, student, meta, { p: 0, state: dropoutState });

  for (const [i, expected] of reference.steps.entries()) {
    const at = `step${i + 1}/`;
    const images = ["images_l", "images_uw", "images_us"].flatMap((name) => [
      ...toFloat32(tensors.get(at + name) as RawTensor),
    ]);
    const x = device.fromValues(images, [24, 16, 16, 1], "images");
    const labels = device.fromValues(
      Array.from((tensors.get(`${at}targets`) as RawTensor).data, Number),
      [8],
      "labels",
      "u32",
    );
    const rate = config.teacher_lr * lrFactor(i, { total: config.total_steps });
    const weight = udaWeight(i, { lambdaU: config.lambda_u, udaSteps: config.uda_steps, rampOffset: meta.rampOffset });
    expect(weight).toBeCloseTo(expected.weight_u, 12);
    step.run({ inputs: { x }, labels }, { teacherLr: rate, studentLr: rate, udaWeight: weight });

    const scalars = await device.read(step.scalars.values);
    metaScalars.forEach((name, k) => {
      const want = expected[names[name]] * (name === "teacherLossUda" ? expected.weight_u : 1);
      expectClose([scalars[k] as number], [want], { atol: 2e-5, rtol: 2e-5 }, `${at}${name}`);
    });
    for (const [role, { network }] of Object.entries({ s: student, t: teacher })) {
      for (const [name, grad] of await network.gradients()) {
        const want = toFloat32(tensors.get(`${at}${role}_grads/${name}`) as RawTensor);
        expectClose(toFloat32(grad), want, { atol: 2e-5, rtol: 1e-4 }, `${at}${role} gradient of ${name}`);
      }
    }
    for (const [role, { network }] of Object.entries({ teacher, student })) {
      const after = await network.stateDict();
      for (const [name, want] of state(`${at}${role}_after/`)) {
        const got = after.get(name) as RawTensor;
        expectClose(
          Array.from(got.data, Number),
          Array.from(want.data, Number),
          { atol: 1e-5, rtol: 1e-5 },
          `${at}${role} ${name}`,
        );
      }
    }
    device.release(x);
    device.release(labels);
  }
});
