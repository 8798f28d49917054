import { ShapeError } from "../errors.js";
import * as kernels from "../generated/kernels.js";
import { itemGrid } from "../stream.js";
import type { Tape } from "../tape.js";
import { formatShape, type Tensor } from "../tensor.js";

/** Hard labels (u32 [N], each below the number of classes) or soft targets (f32 [N,classes]). */
export type Targets = { readonly labels: Tensor } | { readonly soft: Tensor };

export interface CrossEntropyOptions {
  /** f32 [N]: factor per sample. The divisor stays N, so an all-zero mask gives 0. */
  readonly mask?: Tensor;
  /** f32 [1] on the GPU: factor of the whole loss. No gradient flows to it. */
  readonly weight?: Tensor;
}

/**
 * weight / N * sum over n of mask[n] * -sum over c of target[n,c] * log_softmax(logits)[n,c].
 * @param logits [N,classes], at least 2 classes
 * @returns [1]. No gradient flows to targets, mask or weight.
 * @throws ShapeError naming the shapes.
 */
export function softmaxCrossEntropy(
  tape: Tape,
  logits: Tensor,
  targets: Targets,
  options: CrossEntropyOptions = {},
): Tensor {
  const device = tape.device;
  const { n, classes, labels, soft } = checkShapes(logits, targets, options);
  const HARD = "labels" in targets;
  const MASKED = options.mask !== undefined;
  const weight = options.weight ?? tape.one();
  const inputs = { logits, labels, targets: soft, mask: options.mask ?? logits };
  const { grid, constants } = itemGrid(device, n);
  const losses = tape.tensor([n], "cross-entropy per sample");
  const shape = { n, classes, pitch: logits.pitch };
  device.run(kernels.softmaxCrossEntropyForward, { ...inputs, losses }, shape, grid, { ...constants, HARD, MASKED });
  const loss = tape.tensor([1], "cross-entropy");
  device.run(kernels.sumSamples, { values: losses, weight, out: loss }, { n, scale: 1 / n }, [1, 1, 1]);
  tape.discard(losses);
  tape.record("softmaxCrossEntropy", { logits }, loss, { reads: [...Object.values(inputs), weight] }, (dy, out) => {
    if (out.logits) {
      const bindings = { ...inputs, weight, d_loss: dy, d_logits: out.logits };
      device.run(kernels.softmaxCrossEntropyBackward, bindings, { ...shape, scale: 1 / n }, grid, {
        ...constants,
        HARD,
        MASKED,
      });
    }
    return { logits: out.logits };
  });
  return loss;
}

export interface PseudoLabels {
  /** softmax(logits / temperature), [N,classes]. */
  readonly soft: Tensor;
  /** The first largest class, u32 [N]. */
  readonly label: Tensor;
  /** 1 where the largest probability reaches the threshold, else 0; f32 [N]. */
  readonly mask: Tensor;
}

/** Soft and hard labels and the confidence mask of logits [N,classes]; nothing flows back through them. */
export function pseudoLabels(
  tape: Tape,
  logits: Tensor,
  options: { temperature?: number; threshold?: number } = {},
): PseudoLabels {
  const [n, classes] = [logits.dim(0), logits.dim(1)];
  const soft = tape.tensor([n, classes], "soft labels");
  const label = tape.tensor([n], "hard labels", "u32");
  const mask = tape.tensor([n], "confidence mask");
  const params = {
    n,
    vector_pitch: mask.pitch,
    classes,
    pitch: logits.pitch,
    temperature: options.temperature ?? 1,
    threshold: options.threshold ?? 0,
  };
  const { grid, constants } = itemGrid(tape.device, mask.pitch);
  tape.device.run(kernels.pseudoLabels, { logits, soft, label, mask }, params, grid, constants);
  return { soft, label, mask };
}

function checkShapes(logits: Tensor, targets: Targets, options: CrossEntropyOptions) {
  const text = formatShape(logits.shape);
  if (logits.shape.length !== 2 || logits.dim(1) < 2)
    throw new ShapeError(`softmaxCrossEntropy: logits ${text} must be [N,classes] with at least 2 classes`);
  const [n, classes] = [logits.dim(0), logits.dim(1)];
  if ("labels" in targets) {
    if (targets.labels.size !== n || targets.labels.dtype !== "u32") {
      throw new ShapeError(
        `softmaxCrossEntropy: labels ${formatShape(targets.labels.shape)} ${targets.labels.dtype} must be u32 [${n}] for logits ${text}`,
      );
    }
  } else if (targets.soft.size !== n * classes) {
    throw new ShapeError(
      `softmaxCrossEntropy: soft targets ${formatShape(targets.soft.shape)} do not fit logits ${text}`,
    );
  }
  if (options.mask && options.mask.size !== n)
    throw new ShapeError(`softmaxCrossEntropy: mask ${formatShape(options.mask.shape)} must be [${n}]`);
  return {
    n,
    classes,
    labels: "labels" in targets ? targets.labels : logits,
    soft: "soft" in targets ? targets.soft : logits,
  };
}
