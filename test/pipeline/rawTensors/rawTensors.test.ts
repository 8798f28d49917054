import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RawTensor, readSafetensors, toFloat32, writeSafetensors } from "../../../models/index.js";
import { runRawTensors } from "../../../pipeline/rawTensors/index.js";
import { run as cli } from "../../cli/support.js";
import { oracleInputs, oracleNetwork, oracleShapes, oracleWeights } from "../../support/oracle.js";
import { checkBuffers, checkGradients, checkLogits, checkParams, LOGIT_TOLERANCE } from "../../support/oracleChecks.js";
import { temporaryFolder } from "../run/images.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(folder.remove);

const reference = oracleNetwork("hrnet_ss_v1_64_lr1e-5");
const weights = oracleWeights(reference.prng_tag, oracleShapes("hrnet-small-v1"));
const [image] = oracleInputs(reference);
const x: RawTensor = { dtype: "F32", shape: image!.shape, data: image!.data as Float32Array<ArrayBuffer> };
const write = (name: string, tensors: [string, RawTensor][]) =>
  writeFileSync(at(name), writeSafetensors(new Map(tensors)));
const read = (name: string) => readSafetensors(readFileSync(at(name)));
const floats = (tensors: ReadonlyMap<string, RawTensor>) =>
  new Map([...tensors].map(([name, tensor]) => [name, toFloat32(tensor)]));

beforeAll(() => {
  write("weights.safetensors", [...weights]);
  write("batch.safetensors", [["x", x]]);
});

const predict = (...args: string[]) =>
  cli(
    [
      "predict",
      "--model",
      "hrnet-small-v1",
      "--weights",
      at("weights.safetensors"),
      "--tensors",
      at("batch.safetensors"),
      ...args,
    ],
    { runRawTensors },
  );

test("two training steps on a batch give PyTorch's numbers", async () => {
  const files = [
    "--logits",
    at("out.safetensors"),
    "--grads",
    at("g.safetensors"),
    "--weights-out",
    at("w.safetensors"),
  ];
  const rates = ["--lr", "1e-5", "--momentum", "0.9", "--weight-decay", "1e-4", "--steps", "2"];
  const done = await predict(
    ...files,
    "--losses",
    at("l.json"),
    "--train-step",
    "--labels",
    "0,1,2,3",
    ...rates,
    "--json",
  );
  expect([done.code, done.stderr]).toEqual([0, ""]);

  const outputs = read("out.safetensors");
  expect([...outputs].map(([name, { shape }]) => [name, shape])).toEqual([
    ["logits", [4, 4]],
    ["features", [4, 128]],
  ]);
  const logits = toFloat32(outputs.get("logits") as RawTensor);
  expect(checkLogits(reference.logits_eval, logits, LOGIT_TOLERANCE.eval, "eval logits")).toEqual([]);
  expect(checkGradients(reference, floats(read("g.safetensors")), 1)).toEqual([]);

  const after = read("w.safetensors");
  expect([...after.keys()]).toEqual([...weights.keys()]);
  expect(after.get("bn1.num_batches_tracked")).toEqual({ dtype: "I64", shape: [], data: BigInt64Array.of(2n) });
  const isBuffer = (name: string) => /running_|num_batches/.test(name);
  const part = (keep: boolean) => new Map([...floats(after)].filter(([name]) => isBuffer(name) === keep));
  expect(checkParams(reference, part(false), 2)).toEqual([]);
  expect(checkBuffers(reference, part(true), 2)).toEqual([]);

  const losses = JSON.parse(readFileSync(at("l.json"), "utf8"));
  expect(losses).toHaveLength(2);
  reference.steps.forEach((step, k) => {
    expect(losses[k]).toBeCloseTo(step.loss_train, 4);
  });
  expect(JSON.parse(done.stdout)).toMatchObject({ model: "hrnet-small-v1", images: 4, classes: 4, losses });
});

describe("what does not fit is refused", () => {
  test.each([
    [["--train-step", "--labels", "0,1,2"], 1, "--labels: 3 labels for 4 images"],
    [["--train-step", "--labels", "0,1,2,4"], 1, "--labels: 4 is no class: the weights have 4, 0 to 3"],
    [["--train-step"], 2, "--train-step needs --labels"],
    [["--grads", "g.safetensors", "--logits", "x"], 2, "--grads needs --train-step"],
    [[], 2, "nothing to do: give --logits <file>, or --train-step"],
    [["--logits", "no/such/folder/out.safetensors"], 1, "--logits no/such/folder/out.safetensors: cannot be written"],
    [["--logits", "out", "--model", "vgg19"], 1, 'tensor "features.0.weight" of vgg19 is missing'],
    [["--logits", "out", "--model", "ms-hrnet-small-v1"], 1, 'tensor "x2" [N,1,H,W] is missing'],
    [["--logits", "out", "--tensors", "nowhere.safetensors"], 1, "--tensors nowhere.safetensors: cannot be read"],
    [["--logits", "out", "--lr", "fast"], 2, "Give a number from 0 up."],
  ])("%j", async (args, code, message) => {
    const outcome = await predict(...args);
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(code);
  });

  test("a batch of other shape, or of a size that the network does not take", async () => {
    write("rgb.safetensors", [["x", { ...x, shape: [2, 2, 64, 64] }]]);
    write("small.safetensors", [["x", { dtype: "F32", shape: [1, 1, 40, 40], data: new Float32Array(1600) }]]);
    const data = new Float32Array(2048).fill(Number.NaN, 2000);
    write("nan.safetensors", [["x", { dtype: "F32", shape: [2, 1, 32, 32], data }]]);
    const nan = await predict("--logits", at("o"), "--tensors", at("nan.safetensors"));
    expect(nan.stderr).toContain('tensor "x" holds NaN in image 1; give finite numbers');
    const { stderr } = await predict("--logits", at("o"), "--tensors", at("rgb.safetensors"));
    expect(stderr).toContain('tensor "x" has shape [2,2,64,64], expected [N,1,H,W] with square images');
    const other = await predict("--logits", at("o"), "--tensors", at("small.safetensors"));
    expect(other.stderr).toContain("hrnet-small-v1 takes a size that is a multiple of 32, not 40; the nearest is 32");
  });

  test("images and a model together, or neither", async () => {
    expect((await cli(["predict", "runs/x", "a.png"])).stderr).toContain("required option '--out <file>'");
    expect((await cli(["predict"])).code).toBe(2);
    expect((await predict("--logits", "x", "runs/x")).stderr).toContain("not on a run and images (runs/x)");
  });
});
