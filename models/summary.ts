import { ShapeError } from "../engine/errors.js";
import { Rng } from "../engine/rng.js";
import { formatShape, pitch, sameShape } from "../engine/tensor.js";
import { Declarations } from "./declarations.js";
import type { Layers, NormOptions, Shaped } from "./layers.js";
import type { Architecture } from "./network.js";

export type LayerKind =
  | "conv"
  | "linear"
  | "batchNorm"
  | "relu"
  | "add"
  | "maxPool"
  | "upsample"
  | "globalAveragePool"
  | "flatten"
  | "concat";

/** One layer of a forward pass, in the order of computation. */
export interface LayerSummary {
  /** Torch name of its parameters; layers without parameters have the name of their kind. */
  readonly name: string;
  readonly kind: LayerKind;
  /** [N,H,W,C] or [N,C]; N as given. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  /** Side of the filter (convolutions) or factor (upsample, maxPool); else 1. */
  readonly kernel: number;
  readonly stride: number;
  /** Weights and biases; 0 where they were counted before (a layer that both scales use). */
  readonly parameters: number;
  /** Multiply-adds of convolutions and linear layers for all N images: without bias, batch norm and sums. */
  readonly macs: number;
  /** Bytes of the output in memory (channels padded to fours). */
  readonly bytes: number;
  /** With `memory.recompute` its output is not kept for the backward pass: made again there, or not read. */
  readonly recomputable?: true;
}

/** A network without weights: the layers of one pass, and what its state dict holds. */
export interface NetworkSummary {
  readonly layers: readonly LayerSummary[];
  /** Length of the feature vector, in front of the classifier. */
  readonly features: number;
  /** Parameters in the state dict, and those of them that have a gradient. */
  readonly parameters: number;
  readonly trainable: number;
  /** Bytes of one array with all parameters, padded as on the GPU. */
  readonly parameterBytes: number;
  readonly macs: number;
}

/** Layers that only follow the shapes. */
class ShapeLayers implements Layers<Shaped> {
  readonly layers: LayerSummary[] = [];
  private readonly counted = new Set<string>();
  private readonly shapes: ReadonlyMap<string, readonly number[]>;

  constructor(declarations: Declarations) {
    this.shapes = new Map(declarations.parameters.map(({ name, shape }) => [name, shape]));
  }

  conv(name: string, x: Shaped, stride = 1): Shaped {
    const [n, h, w] = x.shape as [number, number, number];
    const [kernel, , input, output] = this.weight(name, x);
    const [oh, ow] = [Math.ceil(h / stride), Math.ceil(w / stride)];
    const macs = n * oh * ow * kernel * kernel * input * output;
    return this.record("conv", name, x, [n, oh, ow, output], { kernel, stride, macs });
  }

  linear(name: string, x: Shaped): Shaped {
    const [n] = x.shape as [number];
    const [, , input, output] = this.weight(name, x);
    return this.record("linear", name, x, [n, output], { macs: n * input * output });
  }

  batchNorm(name: string, x: Shaped, options: NormOptions<Shaped>): Shaped {
    const [channels] = this.shapes.get(`${name}.weight`) ?? [];
    if (channels !== x.shape.at(-1)) throw new ShapeError(`${name}: ${channels} channels, x ${formatShape(x.shape)}`);
    if (options.add) this.same("batchNorm", x, options.add);
    return this.record("batchNorm", name, x, x.shape, options.add ? {} : { recomputable: true });
  }

  relu(x: Shaped): Shaped {
    return this.record("relu", "relu", x, x.shape);
  }

  add(a: Shaped, b: Shaped): Shaped {
    this.same("add", a, b);
    return this.record("add", "add", a, a.shape);
  }

  /** Nothing: in evaluation there is none, and in training its output is counted as the layer's before it. */
  dropout(x: Shaped): Shaped {
    return x;
  }

  maxPool(x: Shaped): Shaped {
    const [n, h, w, c] = x.shape as [number, number, number, number];
    const shape = [n, Math.floor(h / 2), Math.floor(w / 2), c];
    return this.record("maxPool", "maxPool", x, shape, { kernel: 2, stride: 2 });
  }

  upsample(x: Shaped, factor: number): Shaped {
    const [n, h, w, c] = x.shape as [number, number, number, number];
    return this.record("upsample", "upsample", x, [n, h * factor, w * factor, c], {
      kernel: factor,
      recomputable: true,
    });
  }

  globalAveragePool(x: Shaped): Shaped {
    const [n, , , c] = x.shape as [number, number, number, number];
    return this.record("globalAveragePool", "globalAveragePool", x, [n, c]);
  }

  flatten(x: Shaped): Shaped {
    const [n, h, w, c] = x.shape as [number, number, number, number];
    return this.record("flatten", "flatten", x, [n, h * w * c]);
  }

  concatChannels(parts: readonly Shaped[]): Shaped {
    const [first] = parts;
    if (!first) throw new ShapeError("concatChannels: nothing to join");
    const channels = parts.reduce((total, { shape }) => total + (shape.at(-1) ?? 0), 0);
    return this.record("concat", "concat", first, [...first.shape.slice(0, -1), channels]);
  }

  keep(x: Shaped): Shaped {
    return x;
  }

  hold(x: Shaped): Shaped {
    return x;
  }

  private weight(name: string, x: Shaped): readonly [number, number, number, number] {
    const shape = this.shapes.get(`${name}.weight`) as [number, number, number, number] | undefined;
    if (!shape || shape[2] !== x.shape.at(-1))
      throw new ShapeError(`${name}: weight ${formatShape(shape ?? [])} does not fit x ${formatShape(x.shape)}`);
    return shape;
  }

  private same(op: string, a: Shaped, b: Shaped): void {
    if (!sameShape(a.shape, b.shape))
      throw new ShapeError(`${op}: ${formatShape(a.shape)} and ${formatShape(b.shape)} differ`);
  }

  private record(
    kind: LayerKind,
    name: string,
    x: Shaped,
    output: readonly number[],
    {
      kernel = 1,
      stride = 1,
      macs = 0,
      ...rest
    }: { kernel?: number; stride?: number; macs?: number; recomputable?: true } = {},
  ): Shaped {
    const parameters = this.counted.has(name)
      ? 0
      : size(this.shapes.get(`${name}.weight`)) + size(this.shapes.get(`${name}.bias`));
    this.counted.add(name);
    const bytes = padded(output) * 4;
    this.layers.push({ name, kind, input: x.shape, output, kernel, stride, parameters, macs, bytes, ...rest });
    return { shape: output };
  }
}

/**
 * The layers of a forward pass without a device: shapes, parameters, multiply-adds and memory.
 * @param inputs shapes of the images, [N,S,S,1]: one, or two for multi-scale networks
 */
export function summarize(
  architecture: Architecture,
  inputs: readonly (readonly number[])[],
  classes: number,
): NetworkSummary {
  const declarations = new Declarations(new Rng(0, "summary"), "kaiming", architecture.referenceDefaults);
  architecture.declare(declarations, classes);
  const layers = new ShapeLayers(declarations);
  const [x, x2] = inputs.map((shape): Shaped => ({ shape }));
  if (!x) throw new ShapeError(`${architecture.name}: no input`);
  const { features } = architecture.forward(layers, { x, x2: x2 ?? null });
  const { parameters } = declarations;
  const total = (list: typeof parameters) => list.reduce((sum, { shape }) => sum + size(shape), 0);
  return {
    layers: layers.layers,
    features: features.shape.at(-1) ?? 0,
    parameters: total(parameters),
    trainable: total(parameters.filter(({ trainable }) => trainable !== false)),
    parameterBytes: parameters.reduce((sum, { shape }) => sum + arenaFloats(shape) * 4, 0),
    macs: layers.layers.reduce((sum, layer) => sum + layer.macs, 0),
  };
}

function size(shape: readonly number[] | undefined): number {
  return shape ? shape.reduce((a, b) => a * b, 1) : 0;
}

function padded(shape: readonly number[]): number {
  return shape.slice(0, -1).reduce((a, b) => a * b, 1) * pitch(shape.at(-1) ?? 1);
}

/** Parameters begin at multiples of 64 floats: see `ParameterArena`. */
function arenaFloats(shape: readonly number[]): number {
  return Math.ceil(padded(shape) / 64) * 64;
}
