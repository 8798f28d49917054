import type { Device } from "./device.js";
import { GpuError } from "./errors.js";
import { pitch, Tensor } from "./tensor.js";

/** How a tensor of the engine relates to torch's: conv `[O,I,KH,KW]`, linear `[O,I]`, or the same. */
export type TorchLayout = "conv" | "linear" | "same";

export interface ParameterSpec {
  /** The authors' torch `state_dict` name. */
  readonly name: string;
  /** The engine's shape: conv `[KH,KW,I,O]`, linear `[1,1,I,O]`, vector `[C]`. */
  readonly shape: readonly number[];
  readonly layout: TorchLayout;
  /** Logical initial values in the engine's layout. */
  readonly init: () => Float32Array;
  /** False: in the state dict, but never used, so it has no gradient, no momentum and no decay. Default true. */
  readonly trainable?: boolean;
}

/** One trainable tensor: a window of the arena, with its gradient at the same place of the gradient arena. */
export interface Parameter extends ParameterSpec {
  readonly value: Tensor;
  readonly grad: Tensor;
  readonly trainable: boolean;
}

/** Floats per block: windows begin at multiples of 256 bytes, WebGPU's alignment of storage bindings. */
export const arenaBlock = 64;

/** Named tensors as windows of one buffer, each at a legal binding offset; padding is zero. */
export class TensorArena {
  /** The whole buffer as one vector. */
  readonly all: Tensor;
  private readonly windows = new Map<string, Tensor>();

  /** @throws GpuError (`limit`) if it does not fit one binding of the adapter. */
  constructor(
    readonly device: Device,
    shapes: readonly { readonly name: string; readonly shape: readonly number[] }[],
    readonly label: string,
  ) {
    let floats = 0;
    const offsets = shapes.map(({ shape }) => {
      const offset = floats;
      floats += Math.ceil(paddedLength(shape) / arenaBlock) * arenaBlock;
      return offset;
    });
    this.all = device.zeros([Math.max(floats, arenaBlock)], label);
    shapes.forEach(({ name, shape }, i) => {
      if (this.windows.has(name)) throw new GpuError("internal", `${label}: two tensors are named ${name}`);
      this.windows.set(name, new Tensor(shape, "f32", this.all.buffer, `${label} ${name}`, (offsets[i] ?? 0) * 4));
    });
  }

  get(name: string): Tensor {
    const tensor = this.windows.get(name);
    if (!tensor) throw new GpuError("internal", `${this.label}: no tensor named ${name}`);
    return tensor;
  }

  release(): void {
    this.device.release(this.all);
  }
}

/**
 * All parameters of a network in one buffer and all gradients in another, so that an optimiser, a copy or an average is
 * one dispatch.
 */
export class ParameterArena {
  readonly parameters: readonly Parameter[];
  private readonly valueArena: TensorArena;
  private readonly gradArena: TensorArena;
  private readonly byName: ReadonlyMap<string, Parameter>;

  constructor(
    readonly device: Device,
    specs: readonly ParameterSpec[],
    readonly label: string,
  ) {
    this.valueArena = new TensorArena(device, specs, `${label} parameters`);
    this.gradArena = new TensorArena(device, specs, `${label} gradients`);
    this.parameters = specs.map((spec) => ({
      ...spec,
      trainable: spec.trainable ?? true,
      value: this.valueArena.get(spec.name),
      grad: this.gradArena.get(spec.name),
    }));
    this.byName = new Map(this.parameters.map((p) => [p.name, p]));
    for (const p of this.parameters) device.write(p.value, p.init());
  }

  /** All values, as one vector. */
  get values(): Tensor {
    return this.valueArena.all;
  }

  /** All gradients, as one vector. */
  get grads(): Tensor {
    return this.gradArena.all;
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  get(name: string): Parameter {
    const parameter = this.byName.get(name);
    if (!parameter) throw new GpuError("internal", `${this.label}: no parameter named ${name}`);
    return parameter;
  }

  release(): void {
    this.valueArena.release();
    this.gradArena.release();
  }
}

function paddedLength(shape: readonly number[]): number {
  return shape.slice(0, -1).reduce((a, b) => a * b, 1) * pitch(shape.at(-1) ?? 1);
}
