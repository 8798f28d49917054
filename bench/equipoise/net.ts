import {
  batchNorm,
  type CapturedStep,
  conv2d,
  createOptimizer,
  type Device,
  flatten,
  linear,
  maxPool,
  type Optimizer,
  ParameterArena,
  relu,
  softmaxCrossEntropy,
  Tape,
  type Tensor,
} from "../../engine/index.js";
import type { Inputs, Spec } from "../peers/serve.mjs";
import { releaseAll } from "./record.js";

/** The training step of `bench/cases.ts`: network, loss, SGD with momentum, captured after its first run. */
export class TrainingStep {
  /** The loss of the last step, [1]. */
  readonly loss: Tensor;
  readonly arena: ParameterArena;
  readonly optimizer: Optimizer;
  private readonly layers: number;
  private readonly rate: number;
  private readonly x: Tensor;
  private readonly labels: Tensor;
  private readonly state: { runningMean: Tensor; runningVar: Tensor }[];
  private captured: CapturedStep | null = null;

  constructor(
    private readonly device: Device,
    { inputs, sizes }: Spec,
    values: Inputs,
  ) {
    const { x, labels, ...parameters } = inputs;
    const given = (name: string) => values[name] ?? new Float32Array();
    this.x = device.fromValues(given("x"), x ?? [], "images");
    this.labels = device.fromValues(given("labels"), labels ?? [], "labels", "u32");
    const specs = Object.entries(parameters).map(([name, shape]) => ({
      name,
      shape: name.startsWith("dense") ? [1, 1, ...shape] : shape,
      layout: "same" as const,
      init: () => given(name),
    }));
    this.arena = new ParameterArena(device, specs, "bench");
    this.layers = specs.filter(({ name }) => name.startsWith("conv")).length;
    this.state = specs
      .filter(({ name }) => name.startsWith("gamma"))
      .map(({ shape }) => ({
        runningMean: device.zeros(shape, "running mean"),
        runningVar: device.zeros(shape, "running variance"),
      }));
    const momentum = sizes.momentum as number;
    this.optimizer = createOptimizer(this.arena, { name: "sgd", momentum }, () => ({ rateFactor: 1, weightDecay: 0 }));
    this.loss = device.zeros([1], "loss");
    this.rate = sizes.rate as number;
  }

  /** Compiles what a step needs, several pipelines at a time. */
  async compile(): Promise<void> {
    await this.device.precompile(() => this.record());
  }

  /** One step: recorded the first time, replayed afterwards. */
  run(): void {
    this.optimizer.setRate(this.rate);
    if (this.captured) this.captured.replay();
    else this.captured = this.device.capture(() => this.record());
  }

  /** Dispatches of a step. */
  get dispatches(): number {
    return this.captured?.dispatches ?? 0;
  }

  release(): void {
    this.captured?.release();
    this.arena.release();
    this.optimizer.release();
    const statistics = this.state.flatMap(({ runningMean, runningVar }) => [runningMean, runningVar]);
    releaseAll(this.device, [this.loss, this.x, this.labels, ...statistics]);
  }

  private record(): void {
    const tape = new Tape(this.device);
    const loss = this.forward(tape);
    tape.backward([loss]);
    this.optimizer.apply();
    this.device.copyRange(loss, 0, this.loss, 0, 4);
    tape.dispose();
  }

  private forward(tape: Tape): Tensor {
    const parameter = (name: string) => tape.use(this.arena.get(name));
    let y = this.x;
    for (let i = 0; i < this.layers; i++) {
      const state = this.state[i] as (typeof this.state)[number];
      y = conv2d(tape, y, parameter(`conv${i}`), null, { padding: 1 });
      y = batchNorm(tape, y, parameter(`gamma${i}`), parameter(`beta${i}`), state, { training: true, relu: true });
      y = maxPool(tape, y);
    }
    const hidden = relu(tape, linear(tape, flatten(tape, y), parameter("dense0"), parameter("bias0")));
    const logits = linear(tape, hidden, parameter("dense1"), parameter("bias1"));
    return softmaxCrossEntropy(tape, logits, { labels: this.labels });
  }
}
