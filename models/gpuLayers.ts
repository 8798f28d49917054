import {
  add,
  batchNorm,
  concatChannels,
  conv2d,
  dropout,
  flatten,
  globalAveragePool,
  linear,
  maxPool,
  relu,
  type Tape,
  type Tensor,
  upsampleNearest,
} from "../engine/index.js";
import type { Layers, NormOptions } from "./layers.js";
import type { Network, PassOptions } from "./network.js";

/** Layers that compute: ops bound to a network's parameters, a tape and the pass's options. */
export class GpuLayers implements Layers<Tensor> {
  private dropouts = 0;
  /** Layers that have yet to read a tensor, where there are more than one. */
  private readonly uses = new Map<Tensor, number>();

  constructor(
    private readonly network: Network,
    readonly tape: Tape,
    private readonly pass: PassOptions,
    private readonly streamBase: number,
  ) {}

  conv(name: string, x: Tensor, stride = 1): Tensor {
    const { arena } = this.network;
    const weight = arena.get(`${name}.weight`);
    const bias = arena.has(`${name}.bias`) ? this.parameter(`${name}.bias`) : null;
    const padding = (weight.value.dim(0) - 1) / 2;
    return this.done(conv2d(this.tape, x, this.tape.use(weight), bias, { padding, stride }), x);
  }

  linear(name: string, x: Tensor): Tensor {
    return this.done(linear(this.tape, x, this.parameter(`${name}.weight`), this.parameter(`${name}.bias`)), x);
  }

  batchNorm(name: string, x: Tensor, options: NormOptions<Tensor>): Tensor {
    const { buffers, batchesTracked } = this.network;
    const state = { runningMean: buffers.get(`${name}.running_mean`), runningVar: buffers.get(`${name}.running_var`) };
    const counter = `${name}.num_batches_tracked`;
    const { training } = this.pass;
    if (training) batchesTracked.set(counter, (batchesTracked.get(counter) ?? 0) + 1);
    const [gamma, beta] = [this.parameter(`${name}.weight`), this.parameter(`${name}.bias`)];
    const { relu, add = null } = options;
    const y = batchNorm(this.tape, x, gamma, beta, state, { training, relu, add });
    return add ? this.done(y, x, add) : this.done(y, x);
  }

  relu(x: Tensor): Tensor {
    return this.done(relu(this.tape, x), x);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.done(add(this.tape, a, b), a, b);
  }

  dropout(x: Tensor): Tensor {
    const { dropout: options } = this.pass;
    if (!this.pass.training || !options || options.p === 0) return x;
    const stream = this.streamBase + options.pass * 16 + this.dropouts++;
    return this.done(dropout(this.tape, x, { p: options.p, state: options.state, stream }), x);
  }

  maxPool(x: Tensor): Tensor {
    return this.done(maxPool(this.tape, x), x);
  }

  upsample(x: Tensor, factor: number): Tensor {
    return this.done(upsampleNearest(this.tape, x, factor), x);
  }

  globalAveragePool(x: Tensor): Tensor {
    return this.done(globalAveragePool(this.tape, x), x);
  }

  flatten(x: Tensor): Tensor {
    return this.done(flatten(this.tape, x), x);
  }

  concatChannels(parts: readonly Tensor[]): Tensor {
    return this.done(concatChannels(this.tape, parts), ...parts);
  }

  keep(x: Tensor): Tensor {
    return this.tape.keep(x);
  }

  hold(x: Tensor, uses: number): Tensor {
    this.uses.set(x, (this.uses.get(x) ?? 1) + uses - 1);
    return x;
  }

  private parameter(name: string): Tensor {
    return this.tape.use(this.network.arena.get(name));
  }

  /** `y` has been made from `inputs`: those that no other layer will read are dropped. */
  private done(y: Tensor, ...inputs: readonly Tensor[]): Tensor {
    for (const x of inputs) {
      const left = (this.uses.get(x) ?? 1) - 1;
      if (left > 0) this.uses.set(x, left);
      else this.tape.drop(x);
    }
    return y;
  }
}
