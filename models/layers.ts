import type { ParameterSpec, Rng } from "../engine/index.js";

/**
 * How weights begin. `kaiming` (the article's text): He et al. 2015, convolutions N(0, 2/(k*k*out)), linear layers with gain 1,
 * N(0, 1/in), since the head has no batch norm that would tame a larger one. `reference-code`: linear layers N(0, 0.01^2).
 */
export type Initialisation = "kaiming" | "reference-code";

/** An entry of the torch `state_dict`, in its order. */
export type StateEntry =
  | { readonly kind: "parameter"; readonly name: string }
  | { readonly kind: "buffer"; readonly name: string; readonly channels: number }
  | { readonly kind: "counter"; readonly name: string };

/**
 * The parameters of a network as they are declared, layer by layer, in torch's order. Convolutions begin with
 * N(0, 2/(k*k*out)) and bias 0, batch norms with 1 and 0, as in the authors' networks.
 */
export class Declarations {
  readonly parameters: ParameterSpec[] = [];
  readonly buffers: { name: string; shape: readonly number[]; value: number }[] = [];
  readonly state: StateEntry[] = [];

  constructor(
    private readonly rng: Rng,
    private readonly initialisation: Initialisation,
  ) {}

  conv(name: string, kernel: number, input: number, output: number, bias = true): void {
    const sd = Math.sqrt(2 / (kernel * kernel * output));
    this.parameter(`${name}.weight`, [kernel, kernel, input, output], "conv", () =>
      this.normal(kernel * kernel * input * output, sd),
    );
    if (bias) this.parameter(`${name}.bias`, [output], "same", () => new Float32Array(output));
  }

  /** @param trainable false: in the state dict of the authors' network, but never used. */
  linear(name: string, input: number, output: number, trainable = true): void {
    const sd = this.initialisation === "kaiming" ? Math.sqrt(1 / input) : 0.01;
    this.parameter(`${name}.weight`, [1, 1, input, output], "linear", () => this.normal(input * output, sd), trainable);
    this.parameter(`${name}.bias`, [output], "same", () => new Float32Array(output), trainable);
  }

  batchNorm(name: string, channels: number): void {
    this.parameter(`${name}.weight`, [channels], "same", () => new Float32Array(channels).fill(1));
    this.parameter(`${name}.bias`, [channels], "same", () => new Float32Array(channels));
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
    trainable = true,
  ): void {
    this.parameters.push({ name, shape, layout, init, trainable });
    this.state.push({ kind: "parameter", name });
  }

  private normal(length: number, sd: number): Float32Array {
    return Float32Array.from({ length }, () => sd * this.rng.normal());
  }
}
