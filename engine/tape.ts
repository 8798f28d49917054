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

/** The tensors that the backward of an op needs. */
export interface BackwardMemory {
  /** Made for it alone: freed behind it. */
  readonly saved?: readonly Tensor[];
  /** Those of the op's inputs, its output and others whose values, not only shapes, it reads. Default: all inputs and the output. */
  readonly reads?: readonly Tensor[];
}

interface Node {
  readonly op: string;
  readonly inputs: Inputs;
  readonly output: Tensor;
  readonly saved: readonly Tensor[];
  readonly reads: readonly Tensor[];
  readonly backward: (dy: Tensor, out: Destinations<Inputs>) => object;
}

export interface TapeOptions {
  /**
   * Saves memory: a tensor that is dropped while recording is freed if no backward reads it, or if it can be computed again
   * when one does (batch norm with its ReLU). Results are bitwise the same. Default false.
   */
  readonly recompute?: boolean;
  /** Which parameters are learnt, by name; the others get no gradient, and nothing is recorded for them. Default: all. */
  readonly trains?: (name: string) => boolean;
}

/** How a tensor is computed again, and from what. */
interface Recipe {
  readonly inputs: readonly Tensor[];
  readonly compute: () => void;
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
  /** Values that some backward reads. */
  private readonly needed = new Set<Tensor>();
  private readonly recipes = new Map<Tensor, Recipe>();
  /** Tensors of `recipes` whose memory is given back for now. */
  private readonly dropped = new Set<Tensor>();
  private unit: Tensor | null = null;

  /** @param recording false: for inference and for forward passes without gradient. */
  constructor(
    readonly device: Device,
    readonly recording = true,
    private readonly options: TapeOptions = {},
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
    const { trains } = this.options;
    if (this.recording && parameter.trainable && (!trains || trains(parameter.name))) {
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

  /**
   * No later op of the forward pass reads this intermediate. In inference it is freed; while recording, only if the tape
   * recomputes, and then if no backward reads it, or if it can be computed again.
   */
  drop(tensor: Tensor): void {
    if (this.kept.has(tensor) || this.watched.has(tensor)) return;
    if (!this.recording) this.free(tensor);
    else if (this.options.recompute && !this.needed.has(tensor)) this.free(tensor);
    else if (this.options.recompute && this.recipes.has(tensor) && this.owned.has(tensor)) {
      this.free(tensor);
      this.dropped.add(tensor);
    }
  }

  /**
   * Lets `drop` free a tensor that backward functions read, since `compute` fills it again with the same bits.
   * @param inputs what `compute` reads, other than tensors that its op saved
   */
  recomputable(tensor: Tensor, inputs: readonly Tensor[], compute: () => void): void {
    if (this.recording && this.options.recompute) this.recipes.set(tensor, { inputs, compute });
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
   * Records how `output` came from `inputs`. Does nothing where no input needs a gradient.
   * @param memory what this op's backward needs; a list: what it saved
   */
  record<I extends Inputs>(
    op: string,
    inputs: I,
    output: Tensor,
    memory: readonly Tensor[] | BackwardMemory,
    backward: Backward<I>,
  ): void {
    if (!this.recording || !Object.values(inputs).some((t) => this.differentiable.has(t))) return;
    const { saved = [], reads = [...Object.values(inputs), output] } = "length" in memory ? { saved: memory } : memory;
    this.differentiable.add(output);
    for (const tensor of reads) this.needed.add(tensor);
    this.nodes.push({ op, inputs, output, saved, reads, backward: backward as Node["backward"] });
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
        for (const tensor of node.reads) this.restore(tensor);
        this.backwardNode(node, dy, gradients);
        this.consume(dy);
        gradients.delete(node.output);
      }
      for (const tensor of node.saved) this.consume(tensor);
      this.consume(node.output);
      this.dropped.delete(node.output);
    }
  }

  /** Frees everything that this tape still owns. */
  dispose(): void {
    for (const tensor of this.owned) this.device.release(tensor);
    this.owned.clear();
    this.dropped.clear();
    this.nodes.length = 0;
  }

  /** Gives a dropped tensor memory and its values again. */
  private restore(tensor: Tensor): void {
    const recipe = this.recipes.get(tensor);
    if (!recipe || !this.dropped.delete(tensor)) return;
    for (const input of recipe.inputs) this.restore(input);
    // Backward functions hold the tensor itself, so it is the one that gets the memory.
    (tensor as { buffer: Tensor["buffer"] }).buffer = this.device.empty(tensor.shape, tensor.label).buffer;
    this.owned.add(tensor);
    recipe.compute();
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
