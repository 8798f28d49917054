import { describe, expect, test } from "vitest";
import { createOptimizer } from "../../../engine/index.js";
import { Network, type RawTensor, toFloat32 } from "../../../models/index.js";
import { resolveConfig } from "../../../pipeline/config/resolve.js";
import type { Config } from "../../../pipeline/config/schema.js";
import { type MetaScalar, MetaStep, metaScalars } from "../../../pipeline/metaStep.js";
import { nd } from "../../reference/index.js";
import { testDevice } from "../../support/device.js";
import { asNd, weightFromTorch, weightToTorch } from "../../support/layout.js";
import { expectClose } from "../../support/numeric.js";
import { readFixture, readFixtureTensors } from "../../support/oracle.js";
import { type ReferenceBatch, type ReferenceState, referenceStep, tinyNet, type Weights } from "./metaReference.js";

const oracle = JSON.parse(readFixture("oracle/mpl/defaults_like/results.json").toString());
const tensors = readFixtureTensors("oracle/mpl/defaults_like/tensors.safetensors");
const weightDecay: number = oracle.config.weight_decay;
const steps = 3;
const roles = ["teacher", "student"] as const;

/** Tensors of the authors' run whose names begin with `prefix`, without it. */
function under(prefix: string): Map<string, RawTensor> {
  const found = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

const isCounter = (name: string) => name.endsWith("num_batches_tracked");

/** Images and labels of a step of the authors' run. */
function batchOf(step: number): ReferenceBatch {
  const get = (name: string) => tensors.get(`step${step + 1}/${name}`) as RawTensor;
  const images = (name: string) => nd([8, 16, 16, 1], toFloat32(get(name)));
  const labels = Array.from(get("targets").data, Number);
  return { l: images("images_l"), uw: images("images_uw"), us: images("images_us"), labels };
}

const ratesOf = (step: number) => ({
  teacherLr: [0.05, 0.04, 0.03][step]!,
  studentLr: [0.03, 0.05, 0.02][step]!,
  udaWeight: [0.5, 2, 4][step]!,
});

interface Outcome {
  scalars: Record<MetaScalar, number>[];
  /** Weights and statistics at the end by role, in torch's layout. */
  final: Record<string, Map<string, ArrayLike<number>>>;
}

function onCpu(options: Config["meta"], rates = ratesOf): Outcome {
  const learner = (role: string) => {
    const start = [...under(`init/${role}/`)].filter(([name]) => !isCounter(name));
    const weights: Weights = new Map(start.map(([name, tensor]) => [name, weightFromTorch(asNd(tensor))]));
    return { weights, velocity: new Map() };
  };
  const state: ReferenceState = { teacher: learner("teacher"), student: learner("student"), baseline: null };
  const scalars = Array.from({ length: steps }, (_, i) =>
    referenceStep(state, batchOf(i), rates(i), options, weightDecay),
  );
  const values = (weights: Weights) =>
    new Map([...weights].map(([name, tensor]) => [name, weightToTorch(tensor).data]));
  return { scalars, final: Object.fromEntries(roles.map((role) => [role, values(state[role].weights)])) };
}

async function onGpu(options: Config["meta"]): Promise<Outcome> {
  const device = await testDevice();
  const learners = roles.map((role) => {
    const network = new Network(device, tinyNet, { classes: 4, seed: 1, label: role });
    network.loadStateDict(under(`init/${role}/`), role);
    const optimizer = createOptimizer(network.arena, { name: "sgd", momentum: 0.9 }, ({ name }) => ({
      rateFactor: 1,
      weightDecay: name.includes("bn") ? 0 : weightDecay,
    }));
    return { network, optimizer };
  });
  const [teacher, student] = learners as [(typeof learners)[0], (typeof learners)[0]];
  const state = device.zeros([2], "dropout state", "u32");
  const step = new MetaStep(device, teacher, student, options, { p: 0, state });
  const scalars: Outcome["scalars"] = [];
  for (let i = 0; i < steps; i++) {
    const { l, uw, us, labels } = batchOf(i);
    const x = device.fromValues([...l.data, ...uw.data, ...us.data], [24, 16, 16, 1], "images");
    const y = device.fromValues(labels, [8], "labels", "u32");
    step.run({ inputs: { x }, labels: y }, ratesOf(i));
    const values = await device.read(step.scalars.values);
    scalars.push(Object.fromEntries(metaScalars.map((name, k) => [name, values[k]])) as Outcome["scalars"][0]);
    for (const tensor of [x, y]) device.release(tensor);
  }
  const final: Outcome["final"] = {};
  for (const [i, role] of roles.entries()) {
    const dict = [...(await learners[i]!.network.stateDict())].filter(([name]) => !isCounter(name));
    final[role] = new Map(dict.map(([name, tensor]) => [name, toFloat32(tensor)]));
  }
  for (const { network, optimizer } of learners) {
    network.release();
    optimizer.release();
  }
  step.release();
  device.release(state);
  return { scalars, final };
}

/** Options of the authors' code, with a threshold that some patches of each step reach and others do not. */
function metaOf(...set: string[]): Config["meta"] {
  const base = ["meta.threshold=0.65", ...set.map((text) => `meta.${text}`)];
  return resolveConfig({ config: "mpl-imbalanced", recipe: "reference-code", set: base }).meta;
}

test("the reference in doubles is the authors' update", () => {
  const { config } = oracle;
  const rates = (i: number) => {
    const lr = config.teacher_lr * 0.5 * (1 + Math.cos((Math.PI * i) / config.total_steps));
    return { teacherLr: lr, studentLr: lr, udaWeight: oracle.steps[i].weight_u };
  };
  const { scalars, final } = onCpu(metaOf(`threshold=${config.threshold}`), rates);
  for (const [i, expected] of oracle.steps.entries()) {
    const { studentLoss, feedback, teacherLossMpl, maskMean } = scalars[i]!;
    expect(maskMean).toBe(expected.mask_mean);
    expectClose(
      [studentLoss, feedback, teacherLossMpl],
      [expected.s_loss, expected.dot_product, expected.t_loss_mpl],
      { atol: 1e-5 },
      `step ${i + 1}`,
    );
  }
  for (const role of roles) {
    for (const [name, tensor] of under(`step3/${role}_after/`)) {
      if (!isCounter(name)) expectClose(final[role]!.get(name)!, toFloat32(tensor), { atol: 2e-6 }, `${role} ${name}`);
    }
  }
});

const base = onCpu(metaOf());
const mpl = ["feedback", "teacherLossMpl"] as const;

/** What each option changes in the first step, of all that is reported, against the authors' code. */
const cases: [set: string[], changes: readonly MetaScalar[]][] = [
  [[], []],
  [["temperature=0.5"], ["teacherLossUda", "maskMean"]],
  [["threshold=0"], ["teacherLossUda", "maskMean"]],
  [["threshold=1"], ["teacherLossUda", "maskMean"]],
  [["studentMask=true"], ["studentLoss", "studentLossLabelledNew", ...mpl]],
  [["studentSupervised=true"], ["studentLossLabelledNew", ...mpl]],
  [["feedbackSign=old-new"], mpl],
  [["feedbackBn=same"], ["studentLossLabelledOld", ...mpl]],
  [["feedbackBaseline=0.7"], ["teacherLossMpl"]],
  [["feedbackBaseline=0"], ["teacherLossMpl"]],
  [["mplWeight=3"], ["teacherLossMpl"]],
  [["mplWeight=0"], ["teacherLossMpl"]],
  [["extraStudentForward=false"], []],
  [
    [
      "temperature=0.8",
      "threshold=0.8",
      "studentMask=true",
      "studentSupervised=true",
      "feedbackBn=same",
      "feedbackBaseline=0.9",
      "mplWeight=2",
    ],
    metaScalars.filter((name) => name !== "teacherLossLabelled"),
  ],
];

describe("options of the meta step", () => {
  test.each(cases)("%j", async (set, changes) => {
    const options = metaOf(...set);
    const [expected, actual] = [onCpu(options), await onGpu(options)];
    for (let i = 0; i < steps; i++) {
      for (const name of metaScalars) {
        const [value, reference] = [actual.scalars[i]![name], expected.scalars[i]![name]];
        expectClose([value], [reference], { atol: 2e-5, rtol: 2e-5 }, `step ${i + 1}, ${name}`);
      }
    }
    for (const role of roles) {
      for (const [name, values] of expected.final[role]!) {
        expectClose(actual.final[role]!.get(name)!, values, { atol: 1e-5, rtol: 1e-5 }, `${role} ${name}`);
      }
    }
    const [first, usual] = [expected.scalars[0]!, base.scalars[0]!];
    expect(metaScalars.filter((name) => first[name] !== usual[name])).toEqual(
      metaScalars.filter((name) => changes.includes(name)),
    );
  });

  test("the threshold divides the patches of every step", () => {
    for (const { maskMean } of base.scalars) {
      expect(maskMean).toBeGreaterThan(0);
      expect(maskMean).toBeLessThan(1);
    }
  });

  test("a mask of no patch gives no loss, not NaN", () => {
    const { scalars } = onCpu(metaOf("threshold=1", "studentMask=true"));
    expect([scalars[0]!.maskMean, scalars[0]!.teacherLossUda, scalars[0]!.studentLoss]).toEqual([0, 0, 0]);
  });

  test("the centred feedback begins at 0 and follows the average", () => {
    const { scalars } = onCpu(metaOf("feedbackBaseline=0.7"));
    const [d0, d1] = [scalars[0]!.feedback, scalars[1]!.feedback];
    expect(scalars[0]!.teacherLossMpl).toBe(0);
    expect(Math.sign(scalars[1]!.teacherLossMpl)).toBe(Math.sign(d1 - d0));
  });

  test("a baseline with decay 0 is the feedback of the step before, not none", () => {
    const { scalars } = onCpu(metaOf("feedbackBaseline=0"));
    const [d0, d1] = [scalars[0]!.feedback, scalars[1]!.feedback];
    expect(scalars[0]!.teacherLossMpl).toBe(0);
    expect(Math.sign(scalars[1]!.teacherLossMpl)).toBe(Math.sign(d1 - d0));
  });

  test("the extra forward pass moves nothing but the student's statistics", () => {
    const without = onCpu(metaOf("extraStudentForward=false"));
    expect(without.scalars).toEqual(base.scalars);
    const moved = [...base.final.student!].filter(([name, values]) => {
      const other = without.final.student!.get(name)!;
      return Array.from(values).some((value, k) => value !== other[k]);
    });
    expect(moved.map(([name]) => name)).toEqual(
      ["bn1", "bn2"].flatMap((bn) => [`${bn}.running_mean`, `${bn}.running_var`]),
    );
  });
});
