import { afterAll, expect, test } from "vitest";
import { openNodeDevice } from "../../../engine/node.js";
import { resolveConfig } from "../../../pipeline/config/resolve.js";
import { methodNames } from "../../../pipeline/methods.js";
import { type StepKind, stepKinds, stepOf } from "../../../pipeline/profile/stepKind.js";
import { makeStep } from "../../../pipeline/profile/steps.js";

const device = await openNodeDevice();
afterAll(() => device.close());

/** What is told apart by the kernels that a step runs. */
const own: Record<(typeof methodNames)[number], RegExp> = {
  supervised: /^softmax_cross_entropy/,
  "meta-pseudo-labels": /^pseudo_label/,
  fixmatch: /^pseudo_label/,
  simclr: /^nt_xent/,
  "contrastive-clustering": /^cluster_/,
  simtriplet: /^negative_cosine/,
};

test.each(methodNames)("a step of %s runs its kernels again and again, and gives all memory back", async (method) => {
  const before = device.memory.live;
  const set = [`method=${method}`, "model=vgg19", "width=0.0625", "batch=4"];
  const config = resolveConfig({ preset: "tiny", set });
  const step = makeStep(device, config, 3, stepOf(method));
  const seen: string[] = [];
  device.observer = { dispatch: ({ kernel }) => void seen.push(kernel.name) };
  const dispatches: number[] = [];
  for (let i = 0; i < 2; i++) {
    step.prepare();
    step.compute();
    dispatches.push(seen.length);
  }
  device.observer = null;
  await device.sync();
  expect(seen.some((name) => own[method].test(name))).toBe(true);
  expect(dispatches[1]).toBe(2 * (dispatches[0] as number));
  step.release();
  expect(device.memory.live).toBe(before);
});

test("each method has a step of its own kind, and all kinds can be asked for", () => {
  const kinds = new Set<StepKind>(methodNames.map(stepOf));
  expect([...kinds].sort()).toEqual(["contrastive", "fixmatch", "ipb", "train"]);
  for (const kind of kinds) expect(stepKinds).toContain(kind);
});
