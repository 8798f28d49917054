import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Device, sliceBatch, softmaxCrossEntropy, Tape, type Tensor } from "../../../engine/index.js";
import { balancedHeadName, withBalancedHead } from "../../../models/balancedHead.js";
import { type Architecture, Network } from "../../../models/network.js";
import { type RawTensor, toFloat32 } from "../../../models/safetensors.js";
import { ImbalanceTerms, noTerms, type TermVector } from "../../../pipeline/imbalance/terms.js";
import { nd } from "../../reference/index.js";
import { ndTensor, readChecked } from "../../support/checkOp.js";
import { deviceVariants, testDevice } from "../../support/device.js";
import { expectClose } from "../../support/numeric.js";

interface Case {
  readonly batch: number;
  readonly classes: number;
  readonly seed: number;
  readonly step: number;
  readonly stream: number;
  readonly labels: number[];
  readonly options: { threshold: number; abcThreshold: number; abcWeight: number };
  readonly vectors: Record<TermVector, number[]>;
  readonly weak: number[];
  readonly ownWeak: number[];
  readonly blank: number[];
  readonly ownBlank: number[];
  readonly logits: Record<"l" | "us" | "ownL" | "ownUs", number[]>;
  readonly soft: number[];
  readonly label: number[];
  readonly mask: number[];
  readonly ownSoft: number[];
  readonly ownLabel: number[];
  readonly ownMask: number[];
  readonly losses: number[];
  readonly gradients: Record<"l" | "us" | "ownL" | "ownUs", number[]>;
  readonly head: HeadCase;
}

/** The balanced classifier from the features on: [3 batch,length], labelled patches, then weak and strong views. */
interface HeadCase {
  readonly length: number;
  readonly labels: number[];
  readonly options: { abcThreshold: number; abcWeight: number };
  readonly features: number[];
  /** [classes,length], as in torch. */
  readonly weight: number[];
  readonly bias: number[];
  readonly blank: number[];
  readonly keepLabelled: number[];
  readonly keepUnlabelled: number[];
  readonly label: number[];
  readonly losses: number[];
  readonly gradients: Record<"features" | "weight" | "bias", number[]>;
}

const cases = Object.entries(JSON.parse(readFileSync("test/fixtures/imbalance.json", "utf8")) as Record<string, Case>);

/** A network that has these logits for a blank image. */
function blankNetwork({ classes, blank, ownBlank }: Pick<Case, "classes" | "blank" | "ownBlank">): Network {
  const forward = (tape: Tape) => ({
    logits: ndTensor(tape, nd([1, classes], blank), "blank"),
    balanced: ndTensor(tape, nd([1, classes], ownBlank), "own blank"),
  });
  return { forward } as unknown as Network;
}

function termsOf(
  device: Device,
  given: Case,
  state: Tensor,
  options: HeadCase["options"] = given.options,
): ImbalanceTerms {
  const { abcThreshold, abcWeight } = options;
  const imbalance = {
    labels: "debiased",
    labelStrength: 1,
    lossStrength: 1,
    priorDecay: 0.5,
    abc: true,
    abcThreshold,
    abcWeight,
    cdmad: true,
    blank: 1,
    blankStart: 0,
  } as const;
  const blank = { x: device.zeros([1, 2, 2, 1], "blank image"), x2: null };
  const terms = new ImbalanceTerms(device, {
    imbalance,
    classes: given.classes,
    dropout: { p: 0, state },
    blank,
    stream: given.stream,
  });
  terms.set(given.vectors);
  return terms;
}

describe.each(deviceVariants)("%s", (_, variant) => {
  test.each(cases)("labels, losses and gradients are PyTorch's: %s", async (_name, given) => {
    const device = await testDevice(variant);
    const { batch, classes, options } = given;
    const state = device.zeros([2], "seed and step", "u32");
    device.write(state, [given.seed, given.step]);
    const terms = termsOf(device, given, state);
    const tape = new Tape(device);
    const tensor = (values: number[], label: string) => ndTensor(tape, nd([batch, classes], values), label);
    const labels = tape.tensor([batch], "labels", "u32");
    device.write(labels, given.labels);

    const weak = { logits: tensor(given.weak, "weak"), balanced: tensor(given.ownWeak, "own weak") };
    const rule = { temperature: 1, threshold: options.threshold };
    const pseudo = terms.pseudoLabels(tape, blankNetwork(given), weak, rule);
    expect([...(await device.read(pseudo.label))]).toEqual(given.label);
    expect([...(await device.read(pseudo.mask))]).toEqual(given.mask);
    expectClose(await readChecked(device, pseudo.soft, "soft"), given.soft, { atol: 1e-6 }, "soft labels");
    expect([...(await device.read(pseudo.balanced!.label))]).toEqual(given.ownLabel);
    expect([...(await device.read(pseudo.balanced!.mask))]).toEqual(given.ownMask);
    expectClose(await device.read(pseudo.balanced!.soft), given.ownSoft, { atol: 1e-6 }, "own soft labels");

    const names = ["l", "us", "ownL", "ownUs"] as const;
    const leaves = names.map((name) => tape.watch(tensor(given.logits[name], name)));
    const [l, us, ownL, ownUs] = leaves as [Tensor, Tensor, Tensor, Tensor];
    const onL = softmaxCrossEntropy(tape, terms.labelled(tape, l), { labels });
    const { label, mask } = pseudo;
    const onU = softmaxCrossEntropy(tape, terms.unlabelled(tape, us), { labels: label }, { mask });
    const own = terms.balancedLosses(tape, { onL: ownL, labels, onU: { logits: ownUs, pseudo: pseudo.balanced! } }, 0);
    const losses = [onL, onU, ...own].map((loss) => tape.keep(loss));
    const values = [];
    for (const loss of losses) values.push((await device.read(loss))[0]!);
    expectClose(values, given.losses, { atol: 1e-6, rtol: 1e-5 }, "losses");
    tape.backward(losses);
    for (const [i, name] of names.entries()) {
      const gradient = await readChecked(device, tape.gradient(leaves[i]!), name);
      expectClose(gradient, given.gradients[name], { atol: 1e-7, rtol: 1e-4 }, `gradient of ${name}`);
    }
    tape.dispose();
    terms.release();
    device.release(state);
  });
});

/** A network whose images are their own features, with a plain and a balanced classifier on them. */
function headNetwork(device: Device, { classes, head }: Case): Network {
  const { length, weight, bias } = head;
  const plain: Architecture = {
    name: "features",
    referenceDefaults: "torch",
    declare: (d, n) => d.linear("classifier", length, n),
    forward: (layers, { x }) => ({ logits: layers.keep(layers.linear("classifier", x)), features: x }),
  };
  const network = new Network(device, withBalancedHead(plain, length), { classes, seed: 1, label: "head" });
  const raw = (shape: number[], values: number[]): RawTensor => ({
    dtype: "F32",
    shape,
    data: new Float32Array(values),
  });
  const own = { weight: raw([classes, length], weight), bias: raw([classes], bias) };
  const tensors = ["classifier", balancedHeadName].flatMap((layer) =>
    Object.entries(own).map(([name, tensor]) => [`${layer}.${name}`, tensor] as const),
  );
  network.loadStateDict(new Map(tensors), "fixture");
  return network;
}

describe.each(deviceVariants)("%s", (_, variant) => {
  test.each(cases)("the balanced classifier moves features and its weights as PyTorch's: %s", async (_name, given) => {
    const device = await testDevice(variant);
    const { batch, classes, head } = given;
    const state = device.zeros([2], "seed and step", "u32");
    device.write(state, [given.seed, given.step]);
    const terms = termsOf(device, given, state, head.options);
    terms.set({ keepLabelled: head.keepLabelled, keepUnlabelled: head.keepUnlabelled });
    const network = headNetwork(device, given);
    const tape = new Tape(device);
    const labels = tape.tensor([batch], "labels", "u32");
    device.write(labels, head.labels);

    const features = tape.watch(ndTensor(tape, nd([3 * batch, head.length], head.features), "features"));
    const { logits, balanced } = network.forward(tape, { x: features }, { training: true });
    const part = (tensor: Tensor, i: number) => sliceBatch(tape, tensor, i * batch, (i + 1) * batch);
    const weak = { logits: part(logits, 1), balanced: part(balanced!, 1) };
    const blank = blankNetwork({ classes, blank: given.blank, ownBlank: head.blank });
    const pseudo = terms.pseudoLabels(tape, blank, weak, { temperature: 1, threshold: 0.5 }).balanced!;
    expect([...(await device.read(pseudo.label))]).toEqual(head.label);
    const onU = { logits: part(balanced!, 2), pseudo };
    const losses = terms.balancedLosses(tape, { onL: part(balanced!, 0), labels, onU }, 0);
    for (const loss of losses) tape.keep(loss);
    expect(losses).toHaveLength(2);
    tape.backward(losses);
    const values = [];
    for (const loss of losses) values.push((await device.read(loss))[0]!);
    expectClose(values, head.losses, { atol: 1e-6, rtol: 1e-5 }, "losses");

    const gradient = await readChecked(device, tape.gradient(features), "features");
    expectClose(gradient, head.gradients.features, { atol: 1e-7, rtol: 1e-4 }, "gradient of the features");
    const weakRows = gradient.subarray(batch * head.length, 2 * batch * head.length);
    expect(weakRows.every((value) => value === 0)).toBe(true);
    const ofWeights = await network.gradients();
    for (const name of ["weight", "bias"] as const) {
      const own = toFloat32(ofWeights.get(`${balancedHeadName}.${name}`)!);
      expectClose(own, head.gradients[name], { atol: 1e-6, rtol: 1e-4 }, `gradient of the ${name}`);
      expect(toFloat32(ofWeights.get(`classifier.${name}`)!).every((value) => value === 0)).toBe(true);
    }
    tape.dispose();
    terms.release();
    network.release();
    device.release(state);
  });
});

test("before its start the blank image changes no label", async () => {
  const device = await testDevice();
  const [, given] = cases[0]!;
  const state = device.zeros([2], "seed and step", "u32");
  const terms = termsOf(device, given, state);
  terms.set({ labelShift: given.labels.slice(0, given.classes).map(() => 0) });
  const tape = Tape.inference(device);
  const logits = ndTensor(tape, nd([given.batch, given.classes], given.weak), "weak");
  const rule = { temperature: 1, threshold: 0.5 };
  const soft = async (started: boolean) => {
    terms.setBlank(started);
    return [...(await device.read(terms.pseudoLabels(tape, blankNetwork(given), { logits }, rule).soft))];
  };
  const plain = noTerms.pseudoLabels(tape, blankNetwork(given), { logits }, rule);
  const untouched = [...(await device.read(plain.soft))];
  expect(await soft(false)).toEqual(untouched);
  expect(await soft(true)).not.toEqual(untouched);
  tape.dispose();
  terms.release();
  device.release(state);
});
