import {
  type ChoiceRecord,
  type Device,
  type Request,
  softmaxCrossEntropy,
  Tape,
  type Tuned,
  type TuneOptions,
  tune,
} from "../../engine/index.js";
import { createNetwork, type Network, type NetworkInputs } from "../../models/index.js";
import type { Config } from "../config/schema.js";
import { methods } from "../methods.js";
import { checkMemory } from "../run/limits.js";

/**
 * Times the variants of every operation in a training step of `config` and chooses the fastest, on data made up for the
 * purpose. What has been chosen before for a shape class (by `known`) is not timed again.
 * @param known keys that need no timing
 * @throws UserError if the step does not fit the adapter
 */
export async function tuneConfig(
  device: Device,
  config: Config,
  classes: number,
  options: TuneOptions & { readonly known?: ReadonlySet<string> } = {},
): Promise<Tuned[]> {
  checkMemory(config, device.limits.maxStorageBufferBindingSize, classes);
  const { model, width, patch, seed, initialisation } = config;
  const network = createNetwork(device, {
    model,
    width,
    input: patch.size,
    classes,
    seed,
    label: "tuning",
    initialisation,
  });
  try {
    for (const batches of methods[config.method].passes) await runPass(device, network, config, batches);
  } finally {
    network.release();
  }
  const requests = new Map<string, Request>();
  for (const [key, request] of device.choices.requests) if (!options.known?.has(key)) requests.set(key, request);
  return tune(device, requests, options);
}

/** The fastest variants, as choices are kept. */
export function chosen(tuned: readonly Tuned[]): ChoiceRecord {
  return Object.fromEntries(tuned.map(({ key, variant }) => [key, variant]));
}

/** One pass as a step runs it, so that the device learns which operations and shapes it is made of. */
async function runPass(device: Device, network: Network, config: Config, batches: number): Promise<void> {
  const n = batches * config.batch;
  const { size, smallSize } = config.patch;
  const tape = new Tape(device);
  const image = (side: number) => {
    const values = Float32Array.from({ length: n * side * side }, (_, i) => (i * 0.618) % 1);
    const tensor = tape.tensor([n, side, side, 1], "tuning input");
    device.write(tensor, values);
    return tensor;
  };
  try {
    const inputs: NetworkInputs = { x: image(size), x2: smallSize === null ? null : image(smallSize) };
    const { logits } = network.forward(tape, inputs, { training: true, dropout: null });
    const labels = tape.tensor([n], "tuning labels", "u32");
    device.clear(labels);
    tape.backward([softmaxCrossEntropy(tape, logits, { labels })]);
  } finally {
    tape.dispose();
  }
  await device.sync();
}
