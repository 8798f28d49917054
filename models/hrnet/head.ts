import type { Declarations } from "../declarations.js";
import type { Layers, Shaped } from "../layers.js";
import { bottleneck, convNormRelu, expansion, sequence, type Unit } from "./blocks.js";

/** From the branches to one vector per image. */
export interface Head {
  declare(d: Declarations): void;
  /** @returns [N,features] */
  run<T extends Shaped>(layers: Layers<T>, branches: readonly T[]): T;
}

export interface HeadDescription {
  /** Channels of the branches, finest first. */
  readonly branches: readonly number[];
  /** Inner channels of the Bottleneck that widens each branch. */
  readonly widths: readonly number[];
  /** Channels between the three last convolutions. */
  readonly final: readonly number[];
  readonly features: number;
  /** `` or `_small`, behind the torch names. */
  readonly suffix: string;
}

/**
 * A Bottleneck widens each branch; from fine to coarse, branches are halved and added to the next; three 1x1 convolutions; mean
 * over the image.
 */
export function head({ branches, widths, final, features, suffix }: HeadDescription): Head {
  const increase = branches.map((input, i) => bottleneck(`incre_modules${suffix}.${i}.0`, input, widths[i] as number));
  const outputs = increase.map((unit) => unit.output);
  const halve = outputs.slice(1).map((output, i) => {
    const name = `downsamp_modules${suffix}.${i}`;
    return convNormRelu([`${name}.0`, `${name}.1`], outputs[i] as number, output, { kernel: 3, stride: 2, bias: true });
  });
  const last = finalLayer(`final_layer${suffix}`, outputs.at(-1) ?? expansion, [...final, features]);
  return {
    declare(d) {
      for (const unit of [...increase, ...halve, last]) unit.declare(d);
    },
    run<T extends Shaped>(layers: Layers<T>, values: readonly T[]): T {
      const y = values.reduce<T | null>((sum, value, i) => {
        const wide = (increase[i] as Unit).run(layers, value);
        return sum === null ? wide : layers.add(wide, (halve[i - 1] as Unit).run(layers, sum));
      }, null);
      return layers.globalAveragePool(last.run(layers, y as T));
    },
  };
}

/** 1x1 convolutions with bias, each with batch norm and ReLU; torch's `Sequential` counts all three. */
function finalLayer(name: string, input: number, widths: readonly number[]): Unit {
  let from = input;
  const units = widths.map((output, k) => {
    const unit = convNormRelu([`${name}.${3 * k}`, `${name}.${3 * k + 1}`], from, output, { kernel: 1, bias: true });
    from = output;
    return unit;
  });
  return sequence(units);
}
