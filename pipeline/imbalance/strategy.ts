import { Rng, Tape, type Tensor } from "../../engine/index.js";
import type { NetworkInputs } from "../../models/index.js";
import type { Config } from "../config/schema.js";
import type { Balance } from "../data/sampler.js";
import { countClasses } from "../data/sampler.js";
import type { SplitData, Workspace } from "../run/workspace.js";
import { blankPixels } from "./classifier.js";
import {
  drawnFrequencies,
  frequencies,
  keepProbabilities,
  labelledPrior,
  labelShift,
  lossShift,
  mixture,
  movedTowards,
} from "./prior.js";
import { ImbalanceTerms, noTerms, type StepTerms } from "./terms.js";

/** Whether any of the options does something. */
export function isOn({ labels, lossStrength, abc, cdmad }: Config["imbalance"]): boolean {
  return labels !== "plain" || lossStrength > 0 || abc || cdmad;
}

/** A balanced epoch of U, as far as its classes matter. */
export interface EpochClasses {
  /** Patches by pseudo-label, all of U. */
  readonly counts: readonly number[];
  /** Those of them that reach the threshold. */
  readonly sureCounts: readonly number[];
  readonly balance: Balance;
}

/** Class frequencies of U, and of those among its draws that a loss sees. */
export interface Priors {
  readonly natural: readonly number[];
  readonly drawn: readonly number[];
}

export interface StrategyOptions {
  /** Images of L by class. */
  readonly labelledCounts: readonly number[];
  /** Each class of L is drawn equally often. */
  readonly labelledBalanced: boolean;
  /** Each pseudo-class of U is. */
  readonly balanced: boolean;
  /** The loss on U leaves out labels below the threshold. */
  readonly masked: boolean;
}

/**
 * The options `imbalance` of a phase on the host: keeps the priors (see prior.ts) and hands the step's terms their values. Priors live in a tensor
 * that a checkpoint holds, and are read from there, so that a resumed run goes on with the same numbers.
 */
export class Strategy {
  readonly terms: StepTerms;
  /** Class frequencies of U, those among its draws that a loss sees, and the mean share of U's draws that it sees: [2 classes + 1]. */
  private readonly priors: Tensor;
  private readonly own: ImbalanceTerms | null;
  private readonly options: Config["imbalance"];
  /** Frequencies of the classes in batches of L. */
  private readonly onL: readonly number[];

  constructor(
    private readonly ws: Workspace,
    private readonly setting: StrategyOptions,
  ) {
    const { device, config, classes, dropout } = ws;
    const { imbalance, seed } = config;
    this.options = imbalance;
    this.onL = labelledPrior(setting.labelledCounts, setting.labelledBalanced);
    const natural = frequencies(setting.labelledCounts);
    const drawn = setting.balanced ? classes.map(() => 1 / classes.length) : natural;
    this.priors = device.fromValues([...natural, ...drawn, 0], [2 * classes.length + 1], "class priors");
    const blank = imbalance.cdmad ? this.blankInputs() : null;
    const stream = (new Rng(seed, "balanced classifier").nextU32() & ~0xfff) >>> 0;
    this.own = isOn(imbalance)
      ? new ImbalanceTerms(device, { imbalance, classes: classes.length, stream, dropout, blank })
      : null;
    this.terms = this.own ?? noTerms;
    this.own?.set({
      labelledShift: lossShift(this.onL, imbalance.lossStrength),
      keepLabelled: keepProbabilities(this.onL),
    });
  }

  /** What a checkpoint must hold. */
  get tensors(): Record<string, Tensor> {
    return this.own ? { "class priors": this.priors } : {};
  }

  /** What is added to the labeller's logits on all of U. @param weight of the loss on U beside that on L */
  async planShift(weight: number): Promise<readonly number[] | null> {
    if (this.options.labels === "plain") return null;
    const { natural, drawn, seen } = await this.read();
    return this.labelShift(natural, { drawn, seen, weight });
  }

  /**
   * Before the steps of an epoch.
   * @param fresh null where the priors were moved before, by the run that wrote the checkpoint
   * @param weight of the loss on U beside that on L @param progress share of the phase that has gone by
   * @returns the priors, for the line of the epoch
   */
  async beginEpoch(
    epoch: EpochClasses,
    options: { resumed: boolean; weight: number; progress: number },
  ): Promise<Priors> {
    if (!options.resumed) await this.move(epoch);
    const { natural, drawn, seen } = await this.read();
    const { labelledCounts, balanced } = this.setting;
    // Of the patches that are drawn: balanced by their labels, or as U is.
    const ofDraws = balanced ? drawnFrequencies(epoch.counts, epoch.balance.weights) : natural;
    const ofAbc = balanced ? ofDraws : frequencies(labelledCounts);
    this.own?.set({
      labelShift: this.labelShift(ofDraws, { drawn, seen, weight: options.weight }),
      unlabelledShift: lossShift(drawn, this.options.lossStrength),
      keepUnlabelled: keepProbabilities(ofAbc, options.progress),
    });
    return { natural, drawn };
  }

  /** Before a step. @param started whether pseudo-labels are without the blank image's logits */
  prepare(started: boolean): void {
    this.own?.setBlank(started);
  }

  release(): void {
    this.own?.release();
    this.ws.device.release(this.priors);
  }

  private async move({ counts, sureCounts, balance }: EpochClasses): Promise<void> {
    const { priorDecay } = this.options;
    const { natural, drawn } = await this.read();
    const inLoss = this.setting.masked ? sureCounts : counts;
    const mass = (n: readonly number[]) => n.reduce((sum, value, c) => sum + value * (balance.weights[c] as number), 0);
    const smoothed = inLoss.map((n, c) => ((counts[c] as number) > 0 ? n + 1 : n));
    this.ws.device.write(this.priors, [
      ...movedTowards(natural, frequencies(counts), priorDecay),
      ...movedTowards(drawn, drawnFrequencies(smoothed, balance.weights), priorDecay),
      mass(inLoss) / Math.max(mass(counts), Number.MIN_VALUE),
    ]);
  }

  private labelShift(
    labelled: readonly number[],
    { drawn, seen, weight }: { drawn: readonly number[]; seen: number; weight: number },
  ): readonly number[] {
    const { labels, labelStrength, lossStrength } = this.options;
    const labeller = mixture(this.onL, drawn, weight * seen);
    return labelShift(labels, { labeller, labelled }, { strength: labelStrength, left: 1 - lossStrength });
  }

  private async read() {
    const values = [...(await this.ws.device.read(this.priors))];
    const { length } = this.ws.classes;
    const [natural, drawn] = [values.slice(0, length), values.slice(length, 2 * length)];
    return { natural, drawn, seen: values[2 * length] as number };
  }

  private blankInputs(): NetworkInputs {
    const { device, augmenter, config } = this.ws;
    const tape = Tape.inference(device);
    const { x, x2 } = augmenter.plain(tape, blankPixels(config), 1);
    const own = (tensor: Tensor) => {
      const copy = device.empty(tensor.shape, "blank image");
      device.copy(tensor, copy);
      return copy;
    };
    const inputs = { x: own(x), x2: x2 && own(x2) };
    tape.dispose();
    return inputs;
  }
}

/** The strategy of a phase that learns from L, and perhaps from U. */
export function phaseStrategy(
  ws: Workspace,
  { split, labels }: SplitData,
  options: { labelledBalanced: boolean; masked: boolean },
): Strategy {
  const labelledCounts = countClasses(
    split.L.map((i) => labels[i] as number),
    ws.classes.length,
  );
  return new Strategy(ws, { ...options, labelledCounts, balanced: ws.config.meta.balance });
}
