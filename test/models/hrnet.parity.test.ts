import { describe, expect, test } from "vitest";
import { expectParity } from "../support/parity.js";

/** The reference runs of PyTorch: everything that `expectParity` looks at. */
describe("HRNet equals the reference run", () => {
  test("hrnet_ss_v1_64", () => expectParity({ tag: "hrnet_ss_v1_64", model: "hrnet-small-v1", input: 64 }));

  test("hrnet_ss_v1_64_lr1e-5, two steps", () =>
    expectParity({ tag: "hrnet_ss_v1_64_lr1e-5", model: "hrnet-small-v1", input: 64, steps: 2 }));
});
