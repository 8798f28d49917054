import { pitch } from "../../engine/index.js";
import type { Spec } from "../peers/serve.mjs";

/**
 * The bytes that a training step cannot do without, if nothing is computed twice: parameters, their gradients and velocities; the
 * images; what the layers' gradients are computed from (each convolution's output, the normalised output, the pooled one, the
 * hidden layer, the logits); and the largest workspace, the gradients of a layer's output and input.
 */
export function minimumBytes({ inputs, sizes }: Pick<Spec, "inputs" | "sizes">): number {
  const floats = (shape: readonly number[]) =>
    shape.slice(0, -1).reduce((a, b) => a * b, 1) * pitch(shape.at(-1) as number);
  const { x = [], labels: _labels, ...parameters } = inputs;
  const [n, top] = [sizes.n as number, x[1] as number];
  const weights = Object.values(parameters).reduce((sum, shape) => sum + floats(shape), 0);
  const widths = Object.entries(parameters).flatMap(([name, shape]) =>
    /^conv/.test(name) ? [shape.at(-1) as number] : [],
  );
  let [side, saved, workspace] = [top, floats(x), 0];
  for (const width of widths) {
    const output = floats([n, side, side, width]);
    side = Math.floor(side / 2);
    saved += 2 * output + floats([n, side, side, width]);
    workspace = Math.max(workspace, 2 * output);
  }
  const [hidden = 1, classes = 1] = [parameters.bias0?.[0], parameters.bias1?.[0]];
  saved += floats([n, hidden]) + floats([n, classes]);
  return 4 * (3 * weights + saved + workspace);
}
