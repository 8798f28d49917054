import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { itemGrid } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";

export interface NtXentOptions {
  /** Divisor of the cosine similarities, above 0. */
  readonly temperature: number;
  /** f32 [1] on the GPU: factor of the loss. No gradient flows to it. */
  readonly weight?: Tensor;
}

/**
 * The normalised temperature-scaled cross-entropy of SimCLR (Chen et al., ICML 2020, Eq. 1 and Algorithm 1): each of 2N vectors is to
 * find its partner, the other view of the same image, among the 2N - 1 others by cosine similarity; the mean over all 2N.
 *
 * @param z [2N,D], N at least 1: views 0 to N-1, then their partners in the same order. A vector of length 1e-8 or less has no
 *   direction: its similarities are 0, and no gradient flows to it.
 * @returns [1]
 * @throws ShapeError if z is no such batch or the temperature is not above 0
 */
export function ntXent(tape: Tape, z: Tensor, options: NtXentOptions): Tensor {
  const { device } = tape;
  const { temperature } = options;
  checkInput(z, temperature);
  const [m, c4] = [z.dim(0), z.pitch / 4];
  const [sharpness, scale] = [1 / temperature, 1 / m];
  const weight = options.weight ?? tape.one();
  const [rows, pairs, quads] = [m, m * m, m * c4].map((items) => itemGrid(device, items)) as [Grid, Grid, Grid];

  const u = tape.tensor(z.shape, "NT-Xent directions");
  const inverse = tape.tensor([m], "NT-Xent inverse lengths");
  device.run(kernels.ntXentNormalize, { z, u, inverse }, { m, c4 }, rows.grid, rows.constants);
  const s = tape.tensor([m * m], "NT-Xent similarities");
  device.run(kernels.ntXentSimilarity, { u, s }, { m, c4 }, pairs.grid, pairs.constants);
  const losses = tape.tensor([m], "NT-Xent per vector");
  const logSums = tape.tensor([m], "NT-Xent log sums");
  device.run(kernels.ntXentForward, { s, losses, log_sums: logSums }, { m, sharpness }, rows.grid, rows.constants);
  const loss = tape.tensor([1], "NT-Xent");
  device.run(kernels.sumSamples, { values: losses, weight, out: loss }, { n: m, scale }, [1, 1, 1]);
  tape.discard(losses);

  const saved = [u, inverse, s, logSums];
  tape.record("ntXent", { z }, loss, { saved, reads: [weight] }, (dy, out) => {
    if (out.z) {
      const bindings = { u, inverse, s, log_sums: logSums, weight, d_loss: dy, dz: out.z };
      device.run(kernels.ntXentBackward, bindings, { m, c4, sharpness, scale }, quads.grid, quads.constants);
    }
    return { z: out.z };
  });
  return loss;
}

type Grid = ReturnType<typeof itemGrid>;

function checkInput(z: Tensor, temperature: number): void {
  const shape = formatShape(z.shape);
  if (z.shape.length !== 2 || z.dim(0) < 2 || z.dim(0) % 2 !== 0)
    throw new ShapeError(`ntXent: z ${shape} must be [2N,D]: N vectors and their N partners`);
  if (z.pitch % 4 !== 0) throw new ShapeError(`ntXent: z ${shape} needs vectors of 2 or more values`);
  if (!(temperature > 0)) throw new ShapeError(`ntXent: the temperature is ${temperature}, it must be above 0`);
}
