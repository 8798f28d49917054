import { type Device, ParameterArena, Rng, type Tape, type Tensor, TensorArena, UserError } from "../engine/index.js";
import { Declarations, type Initialisation, type ReferenceDefaults, type StateEntry } from "./declarations.js";
import { GpuLayers } from "./gpuLayers.js";
import type { ImageInputs, Layers, Outputs, Shaped } from "./layers.js";
import type { RawTensor } from "./safetensors.js";
import { fromTorch, toTorch } from "./torchLayout.js";

/** One batch of patches on the GPU. */
export type NetworkInputs = ImageInputs<Tensor>;
export type NetworkOutputs = Outputs<Tensor>;

/** How a forward pass behaves. */
export interface PassOptions {
  /** Batch statistics (and running ones updated) or running statistics. */
  readonly training: boolean;
  /** Dropout in training; null: none. `pass` numbers the forward passes of a step, so that each draws its own mask. */
  readonly dropout?: { readonly p: number; readonly state: Tensor; readonly pass: number } | null;
}

/** What a network is made of: how it declares its parameters and how it computes. */
export interface Architecture {
  readonly name: string;
  /** How the authors' code leaves weights that it does not initialise itself. */
  readonly referenceDefaults: ReferenceDefaults;
  declare(declarations: Declarations, classes: number): void;
  forward<T extends Shaped>(layers: Layers<T>, inputs: ImageInputs<T>): Outputs<T>;
}

export interface NetworkOptions {
  readonly classes: number;
  readonly seed: number;
  /** Tells the random weights and dropout masks of two networks with one seed apart. */
  readonly label: string;
  readonly initialisation?: Initialisation;
}

/** A network's parameters and batch-norm statistics on a device. */
export class Network {
  readonly arena: ParameterArena;
  /** Running means and variances. */
  readonly buffers: TensorArena;
  readonly label: string;
  readonly classes: number;
  /** Forward passes in training that each batch norm has seen (torch's `num_batches_tracked`). */
  readonly batchesTracked = new Map<string, number>();
  private readonly state: readonly StateEntry[];
  private readonly streamBase: number;

  constructor(
    readonly device: Device,
    readonly architecture: Architecture,
    options: NetworkOptions,
  ) {
    const rng = new Rng(options.seed, `weights ${options.label}`);
    const declarations = new Declarations(rng, options.initialisation ?? "kaiming", architecture.referenceDefaults);
    architecture.declare(declarations, options.classes);
    this.label = options.label;
    this.classes = options.classes;
    this.streamBase = new Rng(options.seed, `dropout ${options.label}`).nextU32() & ~0xfff;
    this.state = declarations.state;
    this.arena = new ParameterArena(device, declarations.parameters, options.label);
    this.buffers = new TensorArena(device, declarations.buffers, `${options.label} statistics`);
    for (const { name, shape, value } of declarations.buffers) {
      device.write(this.buffers.get(name), new Float32Array(shape[0] as number).fill(value));
    }
    for (const entry of this.state) if (entry.kind === "counter") this.batchesTracked.set(entry.name, 0);
  }

  forward(tape: Tape, inputs: NetworkInputs, pass: PassOptions): NetworkOutputs {
    const layers = new GpuLayers(this, tape, pass, this.streamBase);
    layers.keep(inputs.x);
    if (inputs.x2) layers.keep(inputs.x2);
    return this.architecture.forward(layers, inputs);
  }

  /** Parameters and statistics under torch's names and layouts, in torch's order. */
  async stateDict(): Promise<Map<string, RawTensor>> {
    const values = new Map<string, RawTensor>();
    for (const entry of this.state) {
      if (entry.kind === "counter") {
        values.set(entry.name, {
          dtype: "I64",
          shape: [],
          data: BigInt64Array.of(BigInt(this.batchesTracked.get(entry.name) ?? 0)),
        });
      } else if (entry.kind === "buffer") {
        values.set(entry.name, {
          dtype: "F32",
          shape: [entry.channels],
          data: await this.device.read(this.buffers.get(entry.name)),
        });
      } else {
        const { value, shape, layout } = this.arena.get(entry.name);
        values.set(entry.name, toTorch(await this.device.read(value), shape, layout));
      }
    }
    return values;
  }

  /** Gradients of the trainable parameters under torch's names and layouts. */
  async gradients(): Promise<Map<string, RawTensor>> {
    const values = new Map<string, RawTensor>();
    for (const { name, grad, shape, layout, trainable } of this.arena.parameters) {
      if (trainable) values.set(name, toTorch(await this.device.read(grad), shape, layout));
    }
    return values;
  }

  /**
   * Takes over parameters and statistics from a torch state dict.
   * @throws UserError naming the source and the tensor that is missing, left over, or of another shape.
   */
  loadStateDict(tensors: ReadonlyMap<string, RawTensor>, source: string): void {
    const known = new Set(this.state.map((entry) => entry.name));
    for (const name of tensors.keys()) {
      if (!known.has(name))
        throw new UserError(
          `${source}: tensor "${name}" does not belong to ${this.architecture.name}: choose the model that these weights were saved from`,
        );
    }
    for (const entry of this.state) {
      const tensor = tensors.get(entry.name);
      if (!tensor) {
        if (entry.kind === "counter") continue;
        throw new UserError(`${source}: tensor "${entry.name}" of ${this.architecture.name} is missing`);
      }
      if (entry.kind === "counter") this.batchesTracked.set(entry.name, Number(tensor.data[0] ?? 0));
      else if (entry.kind === "buffer")
        this.device.write(
          this.buffers.get(entry.name),
          fromTorch(tensor, [entry.channels], "same", entry.name, source),
        );
      else {
        const { value, shape, layout } = this.arena.get(entry.name);
        this.device.write(value, fromTorch(tensor, shape, layout, entry.name, source));
      }
    }
  }

  /** Copies all parameters and statistics of a network of the same architecture, on the GPU. */
  copyFrom(other: Network): void {
    this.device.copy(other.arena.values, this.arena.values);
    this.device.copy(other.buffers.all, this.buffers.all);
    for (const [name, n] of other.batchesTracked) this.batchesTracked.set(name, n);
  }

  get parameterCount(): number {
    return this.arena.parameters.reduce((n, p) => n + p.value.size, 0);
  }

  release(): void {
    this.arena.release();
    this.buffers.release();
  }
}
