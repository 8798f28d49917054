import { afterAll, describe, expect, test } from "vitest";
import { Rng, softmaxCrossEntropy, Tape, type TapeOptions, type Tensor } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import { createNetwork, type Network } from "../../models/index.js";

const device = await openNodeDevice();
afterAll(() => device.close());

const rng = new Rng(5, "images");
const image = (batch: number, side: number) =>
  device.fromValues(
    Float32Array.from({ length: batch * side * side }, () => rng.uniform()),
    [batch, side, side, 1],
    "image",
  );

interface Inputs {
  readonly x: Tensor;
  readonly x2: Tensor | null;
}

/** A training step without its update: the gradients lie in the network, the loss in `loss`. */
function step(network: Network, inputs: Inputs, labels: Tensor, loss: Tensor, options: TapeOptions): void {
  const tape = new Tape(device, true, options);
  const { logits } = network.forward(tape, inputs, { training: true });
  const value = softmaxCrossEntropy(tape, logits, { labels });
  tape.backward([value]);
  device.copy(value, loss);
  tape.dispose();
}

describe("recomputation over a whole network", () => {
  // Least share of the step's memory that is saved.
  test.each([
    { model: "vgg19", width: 1 / 8, input: 64, batch: 4, saved: 0.3 },
    { model: "ms-vgg19", width: 1 / 8, input: 128, batch: 4, saved: 0.3 },
    { model: "hrnet-small-v1", width: 1 / 4, input: 64, batch: 4, saved: 0.3 },
  ])(
    "$model: the same gradients, eager and captured, in less memory",
    async ({ model, width, input, batch, saved }) => {
      const network = createNetwork(device, { model, width, input, classes: 4, seed: 3, label: model });
      const labels = device.fromValues([0, 1, 2, 3], [batch], "labels", "u32");
      const loss = device.zeros([1], "loss of the step");
      const inputs = { x: image(batch, input), x2: model.startsWith("ms-") ? image(batch, input / 2) : null };
      const before = device.memory.live;
      const measured = async (options: TapeOptions) => {
        device.pool.resetPeak();
        step(network, inputs, labels, loss, options);
        const bytes = device.memory.peak - before;
        expect(device.memory.live).toBe(before);
        return { bytes, loss: await device.read(loss), grads: await device.read(network.arena.grads) };
      };
      const plain = await measured({});
      const saving = await measured({ recompute: true });
      expect(plain.loss.every(Number.isFinite)).toBe(true);
      expect(saving.loss).toEqual(plain.loss);
      expect(saving.grads).toEqual(plain.grads);
      expect(plain.grads.filter((g) => g !== 0).length).toBeGreaterThan(plain.grads.length / 5);
      expect(saving.bytes, `${plain.bytes} bytes without`).toBeLessThan(plain.bytes * (1 - saved));

      const [unsaved, captured] = [{}, { recompute: true }].map((options) =>
        device.capture(() => step(network, inputs, labels, loss, options)),
      );
      device.clear(network.arena.grads);
      captured?.replay();
      expect(await device.read(network.arena.grads)).toEqual(plain.grads);
      expect(captured?.bytes).toBeLessThan((unsaved?.bytes ?? 0) * 0.9);
      captured?.release();
      unsaved?.release();
      for (const tensor of [labels, loss, inputs.x, ...(inputs.x2 ? [inputs.x2] : [])]) device.release(tensor);
      network.release();
    },
  );
});
