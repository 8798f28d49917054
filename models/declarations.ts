import type { ParameterSpec, Rng } from "../engine/index.js";

/**
 * How weights begin. `kaiming` (the article's text): He et al. 2015, convolutions N(0, 2/(k*k*out)), linear layers with gain 1,
 * N(0, 1/in), since the head has no batch norm that would tame a larger one. `reference-code`: as the authors' code leaves
 * each family of networks, see {@link ReferenceDefaults}.
 */
export type Initialisation = "kaiming" | "reference-code";

/**
 * What the authors' code leaves linear weights and biases at. `small-normal` (VGG): linear weights N(0, 0.01^2), biases 0.
 * `torch` (HRNet): PyTorch's own, everything uniform within 1/sqrt(fan in).
 */
export type ReferenceDefaults = "small-normal" | "torch";

/** An entry of the torch `state_dict`, in its order. */
export type StateEntry =
  | { readonly kind: "parameter"; readonly name: string }
  | { readonly kind: "buffer"; readonly name: string; readonly channels: number }
  | { readonly kind: "counter"; readonly name: string };

export interface ConvOptions {
  /** Default true. */
  readonly bias?: boolean;
  /** False: in the state dict of the authors' network, but never used. Default true. */
  readonly trainable?: boolean;
}

/**
 * The parameters of a network as they are declared, layer by layer, in torch's order. Convolutions begin with
 * N(0, 2/(k*k*out)), batch norms with 1 and 0, as in the authors' networks. Values are drawn when a network is made, not here.
 */
export class Declarations {
  readonly parameters: ParameterSpec[] = [];
  readonly buffers: { name: string; shape: readonly number[]; value: number }[] = [];
  readonly state: StateEntry[] = [];

  constructor(
    private readonly rng: Rng,
    private readonly initialisation: Initialisation,
    private readonly defaults: ReferenceDefaults,
  ) {}

  conv(name: string, kernel: number, input: number, output: number, options: ConvOptions = {}): void {
    const { bias = true, trainable = true } = options;
    const fanIn = kernel * kernel * input;
    const sd = Math.sqrt(2 / (kernel * kernel * output));
    const shape = [kernel, kernel, input, output];
    this.parameter(`${name}.weight`, shape, "conv", () => this.normal(fanIn * output, sd), trainable);
    if (bias) this.parameter(`${name}.bias`, [output], "same", () => this.bias(output, fanIn), trainable);
  }

  /** @param trainable false: in the state dict of the authors' network, but never used. */
  linear(name: string, input: number, output: number, trainable = true): void {
    const shape = [1, 1, input, output];
    this.parameter(`${name}.weight`, shape, "linear", () => this.linearWeights(input, output), trainable);
    this.parameter(`${name}.bias`, [output], "same", () => this.bias(output, input), trainable);
  }

  batchNorm(name: string, channels: number, trainable = true): void {
    const ones = () => new Float32Array(channels).fill(1);
    this.parameter(`${name}.weight`, [channels], "same", ones, trainable);
    this.parameter(`${name}.bias`, [channels], "same", () => new Float32Array(channels), trainable);
    for (const [suffix, value] of [
      ["running_mean", 0],
      ["running_var", 1],
    ] as const) {
      this.buffers.push({ name: `${name}.${suffix}`, shape: [channels], value });
      this.state.push({ kind: "buffer", name: `${name}.${suffix}`, channels });
    }
    this.state.push({ kind: "counter", name: `${name}.num_batches_tracked` });
  }

  private parameter(
    name: string,
    shape: number[],
    layout: ParameterSpec["layout"],
    init: () => Float32Array,
    trainable: boolean,
  ): void {
    this.parameters.push({ name, shape, layout, init, trainable });
    this.state.push({ kind: "parameter", name });
  }

  private get torchDefaults(): boolean {
    return this.initialisation === "reference-code" && this.defaults === "torch";
  }

  private linearWeights(input: number, output: number): Float32Array {
    if (this.torchDefaults) return this.uniform(input * output, 1 / Math.sqrt(input));
    return this.normal(input * output, this.initialisation === "kaiming" ? Math.sqrt(1 / input) : 0.01);
  }

  private bias(length: number, fanIn: number): Float32Array {
    return this.torchDefaults ? this.uniform(length, 1 / Math.sqrt(fanIn)) : new Float32Array(length);
  }

  private normal(length: number, sd: number): Float32Array {
    return Float32Array.from({ length }, () => sd * this.rng.normal());
  }

  private uniform(length: number, bound: number): Float32Array {
    return Float32Array.from({ length }, () => bound * (2 * this.rng.uniform() - 1));
  }
}
