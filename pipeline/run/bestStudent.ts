import type { Tensor } from "../../engine/index.js";
import type { Network } from "../../models/index.js";
import type { Evaluation } from "../metrics.js";
import type { RunState, StateTensors } from "./checkpoint.js";
import type { Workspace } from "./workspace.js";

/** The student that is kept: the best on the validation part so far, or the last (`keep`). A copy on the GPU. */
export class BestStudent {
  private readonly values: Tensor;
  private readonly buffers: Tensor;

  /** @param state which epoch is kept is written to `state.best` */
  constructor(
    private readonly ws: Workspace,
    private readonly student: Network,
    private readonly state: RunState,
  ) {
    const { arena, buffers } = student;
    this.values = ws.device.zeros(arena.values.shape, "best parameters");
    this.buffers = ws.device.zeros(buffers.all.shape, "best statistics");
  }

  /** As a checkpoint names them. */
  get tensors(): StateTensors {
    return { "best.values": this.values, "best.buffers": this.buffers };
  }

  /** @param network what was evaluated: the student, or its moving average */
  keepIfBest(network: Network, epoch: number, evaluation: Pick<Evaluation, "balancedAccuracy" | "loss">): void {
    const balancedAccuracy = evaluation.balancedAccuracy ?? 0;
    const loss = evaluation.loss ?? 0;
    const { best } = this.state;
    if (
      best &&
      this.ws.config.keep === "best" &&
      (balancedAccuracy < best.balancedAccuracy || (balancedAccuracy === best.balancedAccuracy && loss >= best.loss))
    )
      return;
    const batchesTracked = Object.fromEntries(this.student.batchesTracked);
    this.state.best = { epoch, balancedAccuracy, loss, batchesTracked };
    this.ws.device.copy(network.arena.values, this.values);
    this.ws.device.copy(network.buffers.all, this.buffers);
  }

  /** The student becomes the kept one (or stays, where no epoch was finished). */
  use(): void {
    const { best } = this.state;
    if (!best) return;
    this.ws.device.copy(this.values, this.student.arena.values);
    this.ws.device.copy(this.buffers, this.student.buffers.all);
    for (const [name, n] of Object.entries(best.batchesTracked)) this.student.batchesTracked.set(name, n);
  }

  release(): void {
    for (const tensor of [this.values, this.buffers]) this.ws.device.release(tensor);
  }
}
