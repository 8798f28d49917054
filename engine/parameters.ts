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

/**
 * All parameters of a network in one buffer and all gradients in another, so that an optimiser, a copy or an average is
 * one dispatch. Padding is zero in both and stays zero.
 */
export class ParameterArena {
  readonly parameters: readonly Parameter[];
  readonly values: Tensor;
  readonly grads: Tensor;
  private readonly byName = new Map<string, Parameter>();

  /** @throws GpuError (`limit`) if the network does not fit one binding of the adapter. */
  constructor(
    readonly device: Device,
    specs: readonly ParameterSpec[],
    readonly label: string,
  ) {
    const offsets: number[] = [];
    let length = 0;
    for (const spec of specs) {
      offsets.push(length);
      length += Math.ceil(paddedLength(spec.shape) / arenaBlock) * arenaBlock;
    }
    this.values = device.zeros([Math.max(length, arenaBlock)], `${label} parameters`);
    this.grads = device.zeros([Math.max(length, arenaBlock)], `${label} gradients`);
    this.parameters = specs.map((spec, i) => this.place(spec, (offsets[i] ?? 0) * 4));
    for (const p of this.parameters) {
      if (this.byName.has(p.name)) throw new GpuError("internal", `${label}: two parameters are named ${p.name}`);
      this.byName.set(p.name, p);
      device.write(p.value, p.init());
    }
  }

  get(name: string): Parameter {
    const parameter = this.byName.get(name);
    if (!parameter) throw new GpuError("internal", `${this.label}: no parameter named ${name}`);
    return parameter;
  }

  release(): void {
    this.device.release(this.values);
    this.device.release(this.grads);
  }

  private place(spec: ParameterSpec, byteOffset: number): Parameter {
    return {
      ...spec,
      trainable: spec.trainable ?? true,
      value: new Tensor(spec.shape, "f32", this.values.buffer, `${this.label} ${spec.name}`, byteOffset),
      grad: new Tensor(spec.shape, "f32", this.grads.buffer, `${this.label} d ${spec.name}`, byteOffset),
    };
  }
}

function paddedLength(shape: readonly number[]): number {
  return shape.slice(0, -1).reduce((a, b) => a * b, 1) * pitch(shape.at(-1) ?? 1);
}
