import type { Dispatch } from "../../engine/device.js";
import type { CapturedStep, Device, Tensor } from "../../engine/index.js";
import { UserError } from "../../engine/index.js";
import { costOf } from "../../engine/profile/cost.js";
import { createNetwork } from "../../models/index.js";
import { resolveConfig } from "../../pipeline/config/resolve.js";
import type { Config } from "../../pipeline/config/schema.js";
import { MetaStep } from "../../pipeline/metaStep.js";
import { phaseOptimizer } from "../../pipeline/run/phase.js";
import type { Prepared, Spec } from "../peers/serve.mjs";
import { inputValues } from "../run/inputs.js";
import { recorded, releaseAll } from "./record.js";

const classes = 4;

/** One IPB step at preset small: teacher and student, captured after its first run; patches are drawn once, not augmented. */
export async function prepareIpb(
  device: Device,
  spec: Spec,
  unsupported: (reason: string) => Error,
): Promise<Prepared> {
  const config = configOf(spec.model ?? "", unsupported);
  const before = device.memory.live;
  device.pool.resetPeak();
  const [teacher, student] = [learner(device, config, "teacher"), learner(device, config, "student")];
  const dropout = { p: config.dropout, state: device.fromValues([1, 0], [2], "dropout state", "u32") };
  const step = new MetaStep(device, teacher, student, config.meta, dropout, config.memory);
  const batch = randomBatch(device, config);
  const compute = () => step.compute(batch);
  const rates = { teacherLr: 1e-3, studentLr: 1e-3, udaWeight: 0.5 };
  await device.precompile(compute);
  step.prepare(rates);
  const captured: CapturedStep[] = [];
  const dispatches = recorded(device, () => captured.push(device.capture(compute)));
  await device.sync();
  const peakBytes = device.memory.peak - before;
  const flops = dispatches.reduce((sum, dispatch) => sum + matrixFlops(dispatch), 0);
  return {
    run: () => {
      step.prepare(rates);
      captured[0]?.replay();
    },
    sync: () => device.sync(),
    output: () => device.read(step.scalars.values),
    finish: () => {
      for (const each of captured) each.release();
      step.release();
      for (const { network, optimizer } of [teacher, student]) {
        optimizer.release();
        network.release();
      }
      releaseAll(device, [dropout.state, batch.labels, batch.inputs.x, ...(batch.inputs.x2 ? [batch.inputs.x2] : [])]);
      return { flops, peakBytes, dispatches: dispatches.length };
    },
  };
}

/** Convolutions and products; all else moves memory. */
function matrixFlops(dispatch: Dispatch): number {
  const { kind, flops } = costOf(dispatch);
  return kind === "matrix" && flops !== null ? flops : 0;
}

/** Models may be younger than this benchmark: one that is unknown is no failure. */
function configOf(model: string, unsupported: (reason: string) => Error): Config {
  try {
    return resolveConfig({ config: "ms-ipb-vgg", preset: "small", set: [`model=${model}`] });
  } catch (error) {
    if (error instanceof UserError) throw unsupported(error.message);
    throw error;
  }
}

function learner(device: Device, config: Config, label: string) {
  const { model, width, patch, initialisation } = config;
  const network = createNetwork(device, { model, width, input: patch.size, classes, seed: 1, label, initialisation });
  return { network, optimizer: phaseOptimizer(network, config.train.optimizer) };
}

/** cat(l, uw, us), 3 batches of patches at both scales. */
function randomBatch(device: Device, { batch, patch, model }: Config) {
  const scale = (side: number, name: string): Tensor => {
    const shape = [3 * batch, side, side, 1];
    return device.fromValues(inputValues({ sizes: {} }, name, shape), shape, name);
  };
  const labels = device.fromValues(inputValues({ sizes: { classes } }, "labels", [batch]), [batch], "labels", "u32");
  const x2 = model.startsWith("ms-") ? scale(patch.size / 2, "x2") : null;
  return { inputs: { x: scale(patch.size, "x"), x2 }, labels };
}
