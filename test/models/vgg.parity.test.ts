import { test } from "vitest";
import { expectParity } from "../support/parity.js";

const cases = [
  { tag: "vgg19_ss_128", model: "vgg19", input: 128 },
  { tag: "vgg19_ms_224_112_b4", model: "ms-vgg19", input: 224 },
] as const;

/** The reference runs of PyTorch: eval logits, train logits, every gradient, weights and statistics after one SGD step. */
test.each(cases)("$model equals the reference run $tag", (one) => expectParity(one));
