import type { Device } from "../device.js";
import * as kernels from "../generated/kernels.js";
import { arenaBlock, type Parameter, type ParameterArena } from "../parameters.js";
import { streamGrid, vec4Count } from "../stream.js";
import { pitch, type Tensor } from "../tensor.js";

/** What the optimiser does with one parameter. */
export interface ParameterGroup {
  /** Factor of the learning rate. */
  readonly rateFactor: number;
  /** L2 decay added to the gradient. */
  readonly weightDecay: number;
}

export type OptimizerOptions =
  | { readonly name: "sgd"; readonly momentum: number; readonly nesterov?: boolean }
  | { readonly name: "adam"; readonly beta1?: number; readonly beta2?: number; readonly eps?: number };

/** Updates all parameters of an arena from their gradients in one dispatch, with torch's formulas. */
export interface Optimizer {
  /** State per parameter element (velocity; or first and second moment): what a checkpoint keeps, with `steps`. */
  readonly state: readonly Tensor[];
  /** Updates so far. */
  steps: number;
  /** The host's part of an update: counts it and writes its learning rate, before the step's GPU work. */
  setRate(rate: number): void;
  /** The GPU's part of an update, at the rate that was set: it can be captured. */
  apply(): void;
  /** One update at learning rate `rate`. */
  step(rate: number): void;
  /** Forgets the state (momentum), as building a new optimiser does. */
  reset(): void;
  release(): void;
}

/** @param groups the group of each trainable parameter. Parameters that are not trainable never move. */
export function createOptimizer(
  arena: ParameterArena,
  options: OptimizerOptions,
  groups: (parameter: Parameter) => ParameterGroup,
): Optimizer {
  return options.name === "sgd" ? new Sgd(arena, options, groups) : new Adam(arena, options, groups);
}

abstract class ArenaOptimizer implements Optimizer {
  steps = 0;
  abstract readonly state: readonly Tensor[];
  protected readonly device: Device;
  protected readonly groups: Tensor;
  protected readonly rate: Tensor;

  constructor(
    protected readonly arena: ParameterArena,
    groups: (parameter: Parameter) => ParameterGroup,
  ) {
    this.device = arena.device;
    this.groups = this.device.fromValues(
      groupTable(arena, groups),
      [(arena.values.size / arenaBlock) * 2],
      `${arena.label} groups`,
    );
    this.rate = this.device.zeros([4], `${arena.label} rate`);
  }

  abstract apply(): void;

  setRate(rate: number): void {
    this.steps++;
    this.device.write(this.rate, this.rateValues(rate));
  }

  step(rate: number): void {
    this.setRate(rate);
    this.apply();
  }

  reset(): void {
    this.steps = 0;
    for (const tensor of this.state) this.device.clear(tensor);
  }

  release(): void {
    for (const tensor of [...this.state, this.groups, this.rate]) this.device.release(tensor);
  }

  /** What the kernel reads of a step: the rate, and corrections that depend on the number of steps. */
  protected rateValues(rate: number): [number, number, number, number] {
    return [rate, 0, 0, 0];
  }

  protected moments(name: string): Tensor {
    return this.device.zeros(this.arena.values.shape, `${this.arena.label} ${name}`);
  }
}

class Sgd extends ArenaOptimizer {
  readonly state: readonly [Tensor];

  constructor(
    arena: ParameterArena,
    private readonly options: { momentum: number; nesterov?: boolean },
    groups: (parameter: Parameter) => ParameterGroup,
  ) {
    super(arena, groups);
    this.state = [this.moments("velocity")];
  }

  apply(): void {
    const { values, grads } = this.arena;
    const count = vec4Count(values);
    const { grid, constants } = streamGrid(this.device, count);
    const params = { count, momentum: this.options.momentum, nesterov: this.options.nesterov ? 1 : 0 };
    const bindings = { value: values, grad: grads, velocity: this.state[0], groups: this.groups, rate: this.rate };
    this.device.run(kernels.sgd, bindings, params, grid, constants);
  }
}

class Adam extends ArenaOptimizer {
  readonly state: readonly [Tensor, Tensor];
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly eps: number;

  constructor(
    arena: ParameterArena,
    options: { beta1?: number; beta2?: number; eps?: number },
    groups: (parameter: Parameter) => ParameterGroup,
  ) {
    super(arena, groups);
    this.beta1 = options.beta1 ?? 0.9;
    this.beta2 = options.beta2 ?? 0.999;
    this.eps = options.eps ?? 1e-8;
    this.state = [this.moments("first moment"), this.moments("second moment")];
  }

  apply(): void {
    const { values, grads } = this.arena;
    const count = vec4Count(values);
    const { grid, constants } = streamGrid(this.device, count);
    const params = { count, beta1: this.beta1, beta2: this.beta2, eps: this.eps };
    const bindings = {
      value: values,
      grad: grads,
      first: this.state[0],
      second: this.state[1],
      groups: this.groups,
      rate: this.rate,
    };
    this.device.run(kernels.adam, bindings, params, grid, constants);
  }

  protected override rateValues(rate: number): [number, number, number, number] {
    return [rate, 1 - this.beta1 ** this.steps, 1 - this.beta2 ** this.steps, 0];
  }
}

/** (rate factor, weight decay) per block of the arena; blocks of parameters without gradient stay (0, 0). */
function groupTable(arena: ParameterArena, groups: (parameter: Parameter) => ParameterGroup): Float32Array {
  const table = new Float32Array((arena.values.size / arenaBlock) * 2);
  for (const parameter of arena.parameters) {
    if (!parameter.trainable) continue;
    const { rateFactor, weightDecay } = groups(parameter);
    const first = parameter.value.byteOffset / 4 / arenaBlock;
    const padded = parameter.value.rows * pitch(parameter.shape.at(-1) ?? 1);
    for (let b = 0; b < Math.ceil(padded / arenaBlock); b++) table.set([rateFactor, weightDecay], (first + b) * 2);
  }
  return table;
}

/** average = decay * average + (1 - decay) * values: an exponential moving average of a network's weights. */
export function updateAverage(device: Device, average: Tensor, values: Tensor, decay: number): void {
  const count = vec4Count(values);
  const { grid, constants } = streamGrid(device, count);
  device.run(kernels.emaUpdate, { average, value: values }, { count, decay }, grid, constants);
}
