import type { Device } from "./device.js";
import { GpuError, ShapeError } from "./errors.js";
import type { Parameter } from "./parameters.js";
import { addInPlace, fill } from "./stream.js";
import { type DType, formatShape, sameShape, type Tensor } from "./tensor.js";

/** Differentiable inputs of an op, by name. */
export type Inputs = Readonly<Record<string, Tensor>>;

/**
 * Where an op's backward writes: one tensor per input, shaped like it, or null where no gradient is needed.
 * It may be a parameter's gradient itself, so backward overwrites (`=`), never adds.
 */
export type Destinations<I extends Inputs> = { readonly [K in keyof I]: Tensor | null };

/**
 * Fills the destinations from the output's gradient and returns them: an input that is left out does not compile.
 */
export type Backward<I extends Inputs> = (
  dy: Tensor,
  out: Destinations<I>,
) => { readonly [K in keyof I]: Tensor | null };

interface Node {
  readonly op: string;
  readonly inputs: Inputs;
  readonly output: Tensor;
  readonly saved: readonly Tensor[];
  readonly backward: (dy: Tensor, out: Destinations<Inputs>) => object;
}

/**
 * The record of one forward pass: it owns every tensor made on it, and replays the ops backwards.
 * Several tapes may be alive at once (the teacher's waits while the student steps).
 */
export class Tape {
  private readonly nodes: Node[] = [];
  private readonly owned = new Set<Tensor>();
  private readonly kept = new Set<Tensor>();
  private readonly differentiable = new Set<Tensor>();
  private readonly parameters = new Map<Tensor, Parameter>();
  private readonly watched = new Map<Tensor, Tensor | null>();
  private unit: Tensor | null = null;

  /** @param recording false: for inference and for forward passes without gradient. */
  constructor(
    readonly device: Device,
    readonly recording = true,
  ) {}

  static inference(device: Device): Tape {
    return new Tape(device, false);
  }

  /** A tensor that dies with this tape; its content is undefined. */
  tensor(shape: readonly number[], label: string, dtype: DType = "f32"): Tensor {
    const tensor = this.device.empty(shape, label, dtype);
    this.owned.add(tensor);
    return tensor;
  }

  /** A parameter's value as an op input; its gradient will be written to `parameter.grad`. */
  use(parameter: Parameter): Tensor {
    if (this.recording && parameter.trainable) {
      this.parameters.set(parameter.value, parameter);
      this.differentiable.add(parameter.value);
    }
    return parameter.value;
  }

  /** Asks for the gradient of an input that is no parameter: read it with `gradient()` after `backward()`. */
  watch(tensor: Tensor): Tensor {
    this.differentiable.add(tensor);
    this.watched.set(tensor, null);
    return tensor;
  }

  /** The gradient of a watched tensor, after `backward()`. It lives until the tape is disposed. */
  gradient(tensor: Tensor): Tensor {
    const gradient = this.watched.get(tensor);
    if (!gradient) throw new GpuError("internal", `${tensor.label}: no gradient reached it`);
    return gradient;
  }

  /** Keeps a tensor through `backward()`, which frees what it has used up. */
  keep<T extends Tensor>(tensor: T): T {
    this.kept.add(tensor);
    return tensor;
  }

  /** In inference, frees an intermediate that nothing needs any more; while recording it does nothing. */
  drop(tensor: Tensor): void {
    if (!this.recording && !this.kept.has(tensor)) this.free(tensor);
  }

  /** Frees a temporary that this op made and nothing else sees. */
  discard(tensor: Tensor): void {
    this.free(tensor);
  }

  /** The constant 1 as a one-element tensor. */
  one(): Tensor {
    if (!this.unit) {
      this.unit = this.keep(this.tensor([1], "one"));
      fill(this.device, this.unit, 1);
    }
    return this.unit;
  }

  /** Whether `tensor` needs a gradient (it depends on a parameter or a watched tensor). */
  needsGradient(tensor: Tensor): boolean {
    return this.differentiable.has(tensor);
  }

  /**
   * Records how `output` came from `inputs`. `saved` are tensors that only this op's backward needs.
   * Does nothing where no input needs a gradient.
   */
  record<I extends Inputs>(
    op: string,
    inputs: I,
    output: Tensor,
    saved: readonly Tensor[],
    backward: Backward<I>,
  ): void {
    if (!this.recording || !Object.values(inputs).some((t) => this.differentiable.has(t))) return;
    this.differentiable.add(output);
    this.nodes.push({ op, inputs, output, saved, backward: backward as Node["backward"] });
  }

  /**
   * Gradients of the sum of `losses` (one-element tensors) for every parameter that they depend on, written to
   * `parameter.grad` (overwritten). Intermediates are freed on the way; the tape cannot be used again.
   * @param seeds the gradient of each loss, of its shape, instead of 1: losses may then have any shape, and what is
   *   computed is a vector-Jacobian product.
   */
  backward(losses: readonly Tensor[], seeds?: readonly Tensor[]): void {
    const gradients = new Map<Tensor, Tensor>();
    losses.forEach((loss, i) => {
      if (gradients.has(loss)) throw new ShapeError(`backward: ${loss.label} is given twice`);
      if (!this.differentiable.has(loss)) throw new ShapeError(`backward: ${loss.label} depends on no parameter`);
      this.keep(loss);
      gradients.set(loss, this.seed(loss, seeds?.[i]));
    });
    for (let node = this.nodes.pop(); node; node = this.nodes.pop()) {
      const dy = gradients.get(node.output);
      if (dy) {
        this.backwardNode(node, dy, gradients);
        this.consume(dy);
        gradients.delete(node.output);
      }
      for (const tensor of node.saved) this.consume(tensor);
      this.consume(node.output);
    }
  }

  /** Frees everything that this tape still owns. */
  dispose(): void {
    for (const tensor of this.owned) this.device.release(tensor);
    this.owned.clear();
    this.nodes.length = 0;
  }

  /** The loss's own copy of its gradient: a loss may feed another one, and then more is added. */
  private seed(loss: Tensor, given: Tensor | undefined): Tensor {
    const shape = formatShape(loss.shape);
    if (given && !sameShape(loss.shape, given.shape))
      throw new ShapeError(`backward: seed ${formatShape(given.shape)} does not fit ${loss.label} ${shape}`);
    if (!given && loss.size !== 1)
      throw new ShapeError(`backward: a loss has one element, ${loss.label} has shape ${shape}`);
    const seed = this.tensor(loss.shape, `d ${loss.label}`);
    if (given) this.device.copy(given, seed);
    else fill(this.device, seed, 1);
    return seed;
  }

  private backwardNode(node: Node, dy: Tensor, gradients: Map<Tensor, Tensor>): void {
    const out: Record<string, Tensor | null> = {};
    const extra: [Tensor, Tensor][] = [];
    const first = new Set<Tensor>();
    for (const [name, input] of Object.entries(node.inputs)) {
      if (!this.differentiable.has(input)) {
        out[name] = null;
      } else if (gradients.has(input) || first.has(input)) {
        const fresh = this.tensor(input.shape, `${node.op} d${name}`);
        extra.push([input, fresh]);
        out[name] = fresh;
      } else {
        const slot = this.parameters.get(input)?.grad ?? this.tensor(input.shape, `${node.op} d${name}`);
        out[name] = slot;
        first.add(input);
        gradients.set(input, slot);
        if (this.watched.has(input)) this.watched.set(input, this.keep(slot));
      }
      const made = out[name];
      if (made && !sameShape(made.shape, input.shape))
        throw new ShapeError(`${node.op}: gradient of ${name} has the wrong shape`);
    }
    node.backward(dy, out);
    for (const [input, fresh] of extra) {
      addInPlace(this.device, gradients.get(input) as Tensor, fresh);
      this.consume(fresh);
    }
  }

  private consume(tensor: Tensor): void {
    if (!this.kept.has(tensor)) this.free(tensor);
  }

  private free(tensor: Tensor): void {
    if (this.owned.delete(tensor)) this.device.release(tensor);
  }
}
