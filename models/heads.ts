import { type Device, ShapeError, type Tape, type Tensor } from "../engine/index.js";
import type { Initialisation } from "./declarations.js";
import { type Architecture, Network } from "./network.js";

/** One layer of a head: linear, then batch norm and ReLU where asked for. */
export interface HeadLayer {
  /** Length of its output. */
  readonly size: number;
  readonly norm: boolean;
  readonly relu: boolean;
}

export interface HeadOptions {
  readonly seed: number;
  /** Tells the random weights of heads with one seed apart. */
  readonly label: string;
  readonly initialisation?: Initialisation;
}

/**
 * A small network on vectors that a method puts behind the features of another one while it trains: parameters, statistics and counters are those of
 * a `Network`, under the names of a torch `Sequential` (linear layer, batch norm and ReLU count as one each).
 */
export class Head {
  readonly network: Network;

  /** @param input length of the vectors @throws ShapeError for a head without layers */
  constructor(device: Device, input: number, layers: readonly HeadLayer[], options: HeadOptions) {
    const { label } = options;
    this.network = new Network(device, perceptron(label, input, layers), {
      ...options,
      classes: layers.at(-1)?.size ?? 0,
    });
  }

  /** @param x [N,input], which the tape keeps @returns [N,size of the last layer], kept too. Batch norm takes the statistics of all N vectors */
  forward(tape: Tape, x: Tensor): Tensor {
    return this.network.forward(tape, { x }, { training: true }).logits;
  }

  release(): void {
    this.network.release();
  }
}

/** Hidden layers and an output layer, as a multi-layer perceptron mostly has them. */
export function headLayers(sizes: readonly number[], options: { norm: boolean; normLast?: boolean }): HeadLayer[] {
  return sizes.map((size, i) => {
    const last = i === sizes.length - 1;
    return { size, norm: last ? (options.normLast ?? false) : options.norm, relu: !last };
  });
}

function perceptron(name: string, input: number, layers: readonly HeadLayer[]): Architecture {
  if (layers.length === 0) throw new ShapeError(`${name}: a head has at least one layer`);
  const numbered = numberedAsTorch(layers);
  return {
    name,
    referenceDefaults: "torch",
    declare(d) {
      let from = input;
      for (const { at, size, norm } of numbered) {
        d.linear(`${at}`, from, size);
        if (norm) d.batchNorm(`${at + 1}`, size);
        from = size;
      }
    },
    forward(network, { x }) {
      const y = numbered.reduce((value, { at, norm, relu }) => {
        const linear = network.linear(`${at}`, value);
        if (norm) return network.batchNorm(`${at + 1}`, linear, { relu });
        return relu ? network.relu(linear) : linear;
      }, x);
      return { logits: network.keep(y), features: x };
    },
  };
}

/** Layers with the place of their linear part in a torch `Sequential`. */
function numberedAsTorch(layers: readonly HeadLayer[]): (HeadLayer & { readonly at: number })[] {
  let next = 0;
  return layers.map((layer) => {
    const at = next;
    next += 1 + Number(layer.norm) + Number(layer.relu);
    return { ...layer, at };
  });
}
