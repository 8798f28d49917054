import { describe, expect, test } from "vitest";
import { type OracleNetwork, oracleShapes, readFixture, type StateShapes } from "../support/oracle.js";
import { expectParity } from "../support/parity.js";

describe("HRNet equals the reference run", () => {
  test("hrnet_ss_v1_64", () => expectParity({ tag: "hrnet_ss_v1_64", model: "hrnet-small-v1", input: 64 }));

  test("hrnet_ss_v1_64_lr1e-5, two steps", () =>
    expectParity({ tag: "hrnet_ss_v1_64_lr1e-5", model: "hrnet-small-v1", input: 64, steps: 2 }));
});

/** Runs of PyTorch modules of the project's own (make_hrnet.py), which reproduce the reference runs above. */
describe("HRNet equals PyTorch", () => {
  test.each([
    { tag: "hrnet_w18", model: "hrnet-w18", input: 64 },
    { tag: "ms_hrnet_small_v1", model: "ms-hrnet-small-v1", input: 64 },
    { tag: "ms_hrnet_small_v1_512", model: "ms-hrnet-small-v1", input: 64, featureSize: 512 },
    { tag: "ms_hrnet_w18", model: "ms-hrnet-w18", input: 64 },
  ])("$tag", async (one) => {
    const reference: OracleNetwork & { state_dict: StateShapes } = JSON.parse(
      readFixture(`networks/${one.tag}.json.gz`).toString(),
    );
    if (!one.featureSize) expect(reference.state_dict).toEqual(oracleShapes(one.model));
    await expectParity({ ...one, reference, shapes: reference.state_dict, slack: 0.05 });
  });
});
