import type { Declarations } from "../declarations.js";
import type { Layers, NormOptions, Shaped } from "../layers.js";

/** A piece of a network with one input and one output: what it declares, and how it computes. */
export interface Unit {
  /** Channels of the output. */
  readonly output: number;
  declare(d: Declarations): void;
  run<T extends Shaped>(layers: Layers<T>, x: T): T;
}

/** A convolution with its batch norm. What follows (ReLU, a sum) is the caller's choice. */
export interface ConvNorm {
  readonly output: number;
  declare(d: Declarations): void;
  run<T extends Shaped>(layers: Layers<T>, x: T, options: NormOptions<T>): T;
}

export interface ConvNormOptions {
  readonly kernel: 1 | 3;
  /** Default 1. */
  readonly stride?: number;
  /** Default false. */
  readonly bias?: boolean;
  /** False: in the authors' state dict, but never used. Default true. */
  readonly trainable?: boolean;
}

/** Ratio of a Bottleneck's output channels to its inner ones. */
export const expansion = 4;

/** @param names torch names of the convolution and of the batch norm */
export function convNorm(
  [conv, norm]: readonly [conv: string, norm: string],
  input: number,
  output: number,
  { kernel, stride = 1, bias = false, trainable = true }: ConvNormOptions,
): ConvNorm {
  return {
    output,
    declare(d) {
      d.conv(conv, kernel, input, output, { bias, trainable });
      d.batchNorm(norm, output, trainable);
    },
    run: (layers, x, options) => layers.batchNorm(norm, layers.conv(conv, x, stride), options),
  };
}

/** The same with ReLU, as a unit. */
export function convNormRelu(
  names: readonly [conv: string, norm: string],
  input: number,
  output: number,
  options: ConvNormOptions,
): Unit {
  const { declare, run } = convNorm(names, input, output, options);
  return { output, declare, run: (layers, x) => run(layers, x, { relu: true }) };
}

/** Units one after the other. */
export function sequence(units: readonly Unit[]): Unit {
  const last = units.at(-1);
  if (!last) throw new RangeError("sequence: no units");
  return {
    output: last.output,
    declare(d) {
      for (const unit of units) unit.declare(d);
    },
    run: (layers, x) => units.reduce((value, unit) => unit.run(layers, value), x),
  };
}

/** Two 3x3 convolutions and the input: ReLU(x + BN(conv(ReLU(BN(conv(x)))))), He et al. 2016. */
export function basicBlock(name: string, channels: number): Unit {
  const first = convNorm([`${name}.conv1`, `${name}.bn1`], channels, channels, { kernel: 3 });
  const second = convNorm([`${name}.conv2`, `${name}.bn2`], channels, channels, { kernel: 3 });
  return {
    output: channels,
    declare(d) {
      first.declare(d);
      second.declare(d);
    },
    run(layers, x) {
      layers.hold(x, 2);
      return second.run(layers, first.run(layers, x, { relu: true }), { relu: true, add: x });
    },
  };
}

/**
 * 1x1, 3x3 and 1x1 convolution to four times the inner channels, and the input, brought to that width by a 1x1 convolution
 * where it differs.
 */
export function bottleneck(name: string, input: number, channels: number, trainable = true): Unit {
  const output = expansion * channels;
  const parts = [
    convNorm([`${name}.conv1`, `${name}.bn1`], input, channels, { kernel: 1, trainable }),
    convNorm([`${name}.conv2`, `${name}.bn2`], channels, channels, { kernel: 3, trainable }),
    convNorm([`${name}.conv3`, `${name}.bn3`], channels, output, { kernel: 1, trainable }),
  ] as const;
  const [first, second, third] = parts;
  const names = [`${name}.downsample.0`, `${name}.downsample.1`] as const;
  const shortcut = input === output ? null : convNorm(names, input, output, { kernel: 1, trainable });
  return {
    output,
    declare(d) {
      for (const part of parts) part.declare(d);
      shortcut?.declare(d);
    },
    run(layers, x) {
      layers.hold(x, 2);
      const inner = second.run(layers, first.run(layers, x, { relu: true }), { relu: true });
      const add = shortcut ? shortcut.run(layers, x, { relu: false }) : x;
      return third.run(layers, inner, { relu: true, add });
    },
  };
}
