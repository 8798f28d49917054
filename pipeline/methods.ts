/** The methods, as facts: what each one runs, on which images, and how large its steps are. */

/** Phases of a run. */
export type PhaseName = "contrastive" | "pretrain" | "train" | "finetune";

export interface MethodFacts {
  /** In their order. `pretrain` learns from L: the teacher where there is one, else the student. */
  readonly phases: readonly PhaseName[];
  /** Whether a second network labels U for the student. */
  readonly teacher: boolean;
  /** Whether images without labels are learnt from. */
  readonly unlabelled: boolean;
  /** Passes of a batch in a step of `train`, forward and backward counted as three. */
  readonly trainPasses: number;
  /** Patches of each forward pass that is learnt from, in batches, over all phases. */
  readonly passes: readonly number[];
  /** Patches whose activations are alive together, in batches. */
  readonly alive: number;
}

export const methods = {
  supervised: {
    phases: ["pretrain", "finetune"],
    teacher: false,
    unlabelled: false,
    trainPasses: 0,
    passes: [1],
    alive: 1,
  },
  // The teacher's pass of cat(l, uw, us) waits while the student's pass of two runs; the student once more on l.
  "meta-pseudo-labels": {
    phases: ["pretrain", "train", "finetune"],
    teacher: true,
    unlabelled: true,
    trainPasses: 16,
    passes: [3, 2, 1],
    alive: 5,
  },
  // Two views of each patch.
  simclr: {
    phases: ["contrastive", "pretrain", "finetune"],
    teacher: false,
    unlabelled: true,
    trainPasses: 0,
    passes: [2, 1],
    alive: 2,
  },
  // Two views of each patch; the classifier learns to cluster, so there is nothing to train on L but the names of the clusters.
  "contrastive-clustering": {
    phases: ["contrastive", "finetune"],
    teacher: false,
    unlabelled: true,
    trainPasses: 0,
    passes: [2, 1],
    alive: 2,
  },
  // Two views of each patch, and one of a patch beside it.
  simtriplet: {
    phases: ["contrastive", "pretrain", "finetune"],
    teacher: false,
    unlabelled: true,
    trainPasses: 0,
    passes: [3, 1],
    alive: 3,
  },
  // One pass of cat(l, weak views, strong views).
  fixmatch: {
    phases: ["pretrain", "train", "finetune"],
    teacher: false,
    unlabelled: true,
    trainPasses: 9,
    passes: [3, 1],
    alive: 3,
  },
} as const satisfies Record<string, MethodFacts>;

export type Method = keyof typeof methods;

export const methodNames = Object.keys(methods) as [Method, ...Method[]];

/** Patches of the largest forward pass of a method, in batches. */
export function largestPassOf(method: Method): number {
  return Math.max(...methods[method].passes);
}

/** Whether a method begins with learning from several views of each image; a batch holds no image twice then. */
export function learnsFromViews(method: Method): boolean {
  return runs(method, "contrastive");
}

/** Whether only the classifier learns from L, behind frozen features. */
export function isLinearProbe({ method, contrastive }: Pick<PhaseOptions, "method" | "contrastive">): boolean {
  return learnsFromViews(method) && runs(method, "pretrain") && contrastive.probe;
}

function runs(method: Method, phase: PhaseName): boolean {
  return (methods[method].phases as readonly PhaseName[]).includes(phase);
}

/** The facts of a method by name, as a run folder gives it; null: not known. */
export function factsOf(name: string | undefined): MethodFacts | null {
  return name !== undefined && Object.hasOwn(methods, name) ? methods[name as Method] : null;
}

interface PhaseOptions {
  readonly method: Method;
  readonly contrastive: { readonly probe: boolean };
  readonly finetune: { readonly enabled: boolean; readonly epochs: number; readonly steps: number | null };
}

/** The phases that a configuration runs, in their order. Behind a linear probe nothing is fine-tuned: that would move all weights. */
export function phasesOf({ method, contrastive, finetune }: PhaseOptions): PhaseName[] {
  const tuned = finetune.enabled && (finetune.steps ?? finetune.epochs) > 0 && !isLinearProbe({ method, contrastive });
  return methods[method].phases.filter((name) => name !== "finetune" || tuned);
}
