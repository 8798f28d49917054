import { ntXent, type Tape } from "../../engine/index.js";
import type { NetworkOutputs } from "../../models/index.js";
import type { Config } from "../config/schema.js";
import type { PatchSource } from "../data/source.js";
import { type DrawnViews, drawTwoViews, type Losses, type Objective } from "./objective.js";

/** SimCLR (Chen et al., ICML 2020): NT-Xent on the network's features of two views per image; the classifier stays. */
export class SimClr implements Objective {
  readonly views = 2;
  readonly scalars = ["loss"] as const;
  readonly heads = {};
  readonly clusters = false;

  constructor(private readonly options: Pick<Config["contrastive"], "temperature" | "crops">) {}

  draw(source: PatchSource, images: readonly number[], step: number, stream: string): Promise<DrawnViews> {
    return drawTwoViews(this.options.crops, source, images, step, stream);
  }

  losses(tape: Tape, { features }: NetworkOutputs): Losses {
    return { loss: ntXent(tape, features, { temperature: this.options.temperature }) };
  }

  release(): void {}
}
