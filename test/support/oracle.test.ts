import { describe, expect, it } from "vitest";
import {
  centralHalf,
  digest,
  digestVector,
  type OracleNetwork,
  oracleImages,
  oracleInputs,
  oracleNetwork,
  oracleShapes,
  oracleWeights,
  readFixture,
  readFixtureTensors,
  type StateShapes,
} from "./oracle.js";
import { checkBuffers, checkGradients, checkLogits, checkParams, LOGIT_TOLERANCE } from "./oracleChecks.js";

/** PyTorch's run of a small VGG19 (make_networks.py) in the reference's format, and its tensors in full. */
const network: OracleNetwork & { state_dict: StateShapes } = JSON.parse(
  readFixture("networks/vgg19_small.json.gz").toString(),
);
const tensors = readFixtureTensors("networks/vgg19_small.safetensors");

/** The tensors whose name starts with `prefix`, without it. Copies, so that a test may spoil them. */
function part(prefix: string): Map<string, Float32Array> {
  const found = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, { data }]) => [name.slice(prefix.length), Float32Array.from(data as Float32Array)]));
}

const values = (name: string) => tensors.get(name)!.data as Float32Array;
const startWeights = () =>
  new Map([...oracleWeights("vgg19_small", network.state_dict)].map(([n, t]) => [n, t.data as Float32Array]));

describe("seeded weights and images", () => {
  it("equal the ones that PyTorch started from: its first SGD step leads from them to its weights", () => {
    const [grads, after, start] = [part("step1/grads/"), part("step1/params/"), startWeights()];
    expect(after.size).toBe(78);
    const { lr, weight_decay: decay } = network.sgd;
    for (const [name, w1] of after) {
      const [w0, g] = [start.get(name)!, grads.get(name)!];
      const worst = Math.max(...w1.map((w, k) => Math.abs(w - (w0[k]! - lr * (g[k]! + decay * w0[k]!)))));
      expect(worst, name).toBeLessThan(3e-7);
    }
  });

  it("images equal PyTorch's input bit for bit, for every block size", () => {
    expect(oracleImages("vgg19_small", 4, 64, 64)).toEqual(values("images"));
  });

  it("the small scale is the central half", () => {
    const [big, small] = oracleInputs(oracleNetwork("vgg19_ms_224_112_b4"));
    expect(small!.shape).toEqual([4, 1, 112, 112]);
    for (const [b, y, x] of [
      [0, 0, 0],
      [3, 111, 111],
      [2, 5, 70],
    ] as const) {
      expect(small!.data[(b * 112 + y) * 112 + x]).toBe(big!.data[(b * 224 + y + 56) * 224 + x + 56]);
    }
    expect(
      centralHalf(
        Float32Array.from({ length: 16 }, (_, k) => k),
        1,
        4,
        4,
      ),
    ).toEqual(new Float32Array([5, 6, 9, 10]));
  });

  it("know all shapes of the six networks, and lower the weight of w18's last batch norms", () => {
    for (const model of ["vgg19", "ms-vgg19", "hrnet-small-v1", "ms-hrnet-small-v1", "hrnet-w18", "ms-hrnet-w18"]) {
      expect(oracleShapes(model).length).toBeGreaterThan(100);
    }
    const names = [
      "bn2.weight",
      "layer1.0.bn2.weight",
      "layer1.0.bn3.weight",
      "stage2.0.branches.0.0.bn1.weight",
      "stage2.0.branches.0.0.bn2.weight",
      "stage2.0.fuse_layers.0.1.1.weight",
      "layer1.0.downsample.1.weight",
    ];
    const shapes = names.map((name) => [name, [200]] as const);
    const maximum = (tag: string) =>
      [...oracleWeights(tag, shapes).values()].map((t) => Math.max(...(t.data as Float32Array)) < 0.31);
    expect(maximum("hrnet_ss_w18")).toEqual([false, false, true, false, true, true, false]);
    expect(maximum("hrnet_ss_v1")).toEqual(names.map(() => false));
  });

  it("step 1 of the full networks is within the reference's bounds of their seeded weights", () => {
    for (const [tag, model] of [
      ["vgg19_ss_128", "vgg19"],
      ["hrnet_ss_v1_64_lr1e-5", "hrnet-small-v1"],
    ] as const) {
      const run = oracleNetwork(tag);
      const weights = oracleWeights(run.prng_tag, oracleShapes(model));
      const { lr, weight_decay: decay } = run.sgd;
      for (const [name, after] of Object.entries(run.steps[0]!.params_after)) {
        const before = digest(weights.get(name)!.data as Float32Array);
        const gradient = run.steps[0]!.grads[name]!;
        const dot = before.dot - lr * (gradient.dot + decay * before.dot);
        expect(Math.abs(after.dot - dot), `${tag} ${name}`).toBeLessThan(1e-6 * before.l2 + 1e-7);
        expect(after.n).toBe(before.n);
      }
    }
  });
});

describe("the checks accept PyTorch's own run", () => {
  it("logits, gradients, parameters and buffers", () => {
    expect(checkLogits(network.logits_eval_f64, values("logits_eval"), LOGIT_TOLERANCE.eval, "eval")).toEqual([]);
    expect(
      checkLogits(network.steps[0]!.logits_train_f64, values("logits_train_step1"), LOGIT_TOLERANCE.train, "train"),
    ).toEqual([]);
    expect(checkGradients(network, part("step1/grads/"))).toEqual([]);
    expect(checkParams(network, part("step1/params/"), 1, startWeights())).toEqual([]);
    expect(checkBuffers(network, part("step1/buffers/"))).toEqual([]);
  });

  it("digests equal PyTorch's", () => {
    for (const [name, gradient] of part("step1/grads/")) {
      const { n, sum, l2, maxabs, dot, first, last } = network.steps[0]!.grads[name]!;
      const own = digest(gradient);
      expect({ ...own, sum: 0, l2: 0, dot: 0 }).toEqual({ n, maxabs, first, last, sum: 0, l2: 0, dot: 0 });
      for (const [a, b] of [
        [own.sum, sum],
        [own.l2, l2],
        [own.dot, dot],
      ] as const) {
        expect(Math.abs(a - b), name).toBeLessThan(1e-12 * (1 + l2 * Math.sqrt(n)));
      }
    }
    expect(digestVector(3)).toHaveLength(3);
  });
});

describe("the checks reject", () => {
  const conv = "features.3.weight";
  const spoiled = (prefix: string, name: string, change: (value: number, k: number) => number) => {
    const all = part(prefix);
    all.set(name, all.get(name)!.map(change));
    return all;
  };
  const tensorsOf = (failures: { tensor: string }[]) => [...new Set(failures.map((f) => f.tensor))];

  it("a gradient 1 % too large, of the wrong sign, reordered, or with a NaN", () => {
    for (const change of [(v: number) => 1.01 * v, (v: number) => -v, (v: number, k: number) => (k === 7 ? NaN : v)]) {
      expect(tensorsOf(checkGradients(network, spoiled("step1/grads/", conv, change)))).toEqual([conv]);
    }
    const reversed = part("step1/grads/");
    reversed.get(conv)!.reverse();
    expect(tensorsOf(checkGradients(network, reversed))).toEqual([conv]);
  });

  it("a bias before a batch norm with a gradient, and missing or unknown names", () => {
    const biased = checkGradients(
      network,
      spoiled("step1/grads/", "features.3.bias", () => 0.001),
    );
    expect(biased).toMatchObject([{ tensor: "features.3.bias", quantity: "L2 (true value 0)", expected: 0 }]);
    const renamed = part("step1/grads/");
    renamed.set("features.99.weight", renamed.get(conv)!);
    renamed.delete(conv);
    expect(checkGradients(network, renamed).map((f) => [f.tensor, f.quantity])).toEqual([
      [conv, "missing"],
      ["features.99.weight", "unexpected"],
    ]);
  });

  it("an update without weight decay, with another learning rate, or none at all", () => {
    const start = startWeights();
    const grads = part("step1/grads/");
    for (const [lr, decay] of [
      [0.005, 0],
      [0.006, 1e-4],
      [0, 0],
    ] as const) {
      const params = new Map(
        [...part("step1/params/").keys()].map((name) => [
          name,
          start.get(name)!.map((w, k) => w - lr * (grads.get(name)![k]! + decay * w)),
        ]),
      );
      expect(checkParams(network, params, 1, start).length, `lr ${lr}, decay ${decay}`).toBeGreaterThan(10);
    }
  });

  it("a running variance without Bessel's correction", () => {
    const name = "features.54.running_var"; // 4 images x 2 x 2 pixels: factor 15/16 on a tenth
    const start = startWeights().get(name)!;
    const biased = spoiled("step1/buffers/", name, (v, k) => 0.9 * start[k]! + (v - 0.9 * start[k]!) * (15 / 16));
    expect(tensorsOf(checkBuffers(network, biased))).toEqual([name]);
  });

  it("logits that are off by more than the tolerance, too few, or NaN", () => {
    const logits = values("logits_eval");
    const off = logits.map((v, k) => (k === 5 ? v + 2e-4 * Math.max(...logits.map(Math.abs)) : v));
    expect(checkLogits(network.logits_eval, off, LOGIT_TOLERANCE.eval, "eval").map((f) => f.quantity)).toEqual(["[5]"]);
    expect(checkLogits(network.logits_eval, off, LOGIT_TOLERANCE.train, "eval")).toEqual([]);
    expect(checkLogits(network.logits_eval, logits.subarray(1), 1, "eval").length).toBeGreaterThan(0);
    expect(
      checkLogits(
        network.logits_eval,
        logits.map(() => NaN),
        1,
        "eval",
      ),
    ).toHaveLength(16);
  });

  it("an update of a parameter that has no gradient", () => {
    const run = oracleNetwork("vgg19_ms_224_112_b4");
    const unused = oracleWeights(run.prng_tag, oracleShapes("ms-vgg19")).get("scale.weight")!.data as Float32Array;
    const about = (scale: number) =>
      checkParams(run, new Map([["scale.weight", unused.map((v) => v * scale)]])).filter(
        (f) => f.tensor === "scale.weight",
      );
    expect(about(1)).toEqual([]);
    expect(about(1 - 5e-7).length).toBeGreaterThan(0);
  });
});
