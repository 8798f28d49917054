/** The sections on how the networks learned: losses, validation, pseudo-labels, the inside of a step. */
import { factsOf } from "../methods.js";
import { classShares, shareDistance } from "./bars.js";
import { type SeriesStyle, student, teacher } from "./charts.js";
import { type Best, lossCurves, smallStepChart, validationCurve, validationLoss } from "./curves.js";
import type { RunData } from "./data.js";
import { percent } from "./format.js";
import { figure, type Html, html, missing } from "./html.js";
import { labelQuality } from "./labelQuality.js";
import type { EpochLine, PhaseMetrics } from "./metricsFile.js";
import { samplingCurves } from "./sampling.js";

const howDrawn =
  "Faint: as recorded. Strong: moving mean over a twentieth of the curve. Single spikes may leave the chart.";

/** Loss and validation curves of all phases (Fig. 2 of the paper). */
export function training(run: RunData): Html {
  if (!run.metrics) return missing("Nothing has been logged yet.");
  const { contrastive, pretrain, train, finetune } = run.metrics.phases;
  const supervised = isSupervised(run);
  const method = run.config?.facts.method;
  const fromLabels = factsOf(method)?.phases.includes("pretrain") !== false;
  const chosenFrom = fromLabels ? pretrain : contrastive;
  const chance = run.classes.length > 0 ? 1 / run.classes.length : null;
  return html`<div class="pair">
${contrastive.steps.size > 0 && contrastiveFigure(contrastive, method)}
${fromLabels && pretrainFigure(pretrain, supervised, labeller(run))}
${!supervised && (labeller(run) === "teacher" ? trainFigure(train) : pseudoLabelFigure(train))}
${studentValidation((supervised ? chosenFrom : train).epochs, run, chance)}
${!supervised && pretrain.epochs.some((e) => e.balancedAccuracy !== null) && teacherValidation(pretrain.epochs, chance, labeller(run))}
${finetune.steps.size > 0 && finetuneFigure(finetune)}
</div>`;
}

/** What the loss of learning from views says, by method. */
const contrastiveCaptions: Partial<Record<string, string>> = {
  simclr: "NT-Xent: how well each view of an image finds the other view of it among all views of the batch.",
  "contrastive-clustering":
    "NT-Xent of views and of clusters, and what the clusters' sizes lack to be alike. After each epoch clusters get the names of the classes that they fit best on L.",
  simtriplet:
    "Negative cosine similarity between views of a patch, and of a patch beside it: -2 where all are alike; a loss that falls there at once has collapsed.",
};

function contrastiveFigure(phase: PhaseMetrics, method = "simclr"): Html {
  return figure(
    "Contrastive learning",
    lossCurves("contrastive-loss", phase, [line("loss", "student", student)]),
    `${contrastiveCaptions[method] ?? ""} Labels are not learnt from. ${howDrawn}`,
  );
}

function pretrainFigure(phase: PhaseMetrics, supervised: boolean, who: Labeller): Html {
  const learner = supervised || who === "student" ? line("loss", "student", student) : line("loss", "teacher", teacher);
  return figure(
    supervised ? "Training loss" : `Pre-training of the ${who}`,
    lossCurves("pretrain-loss", phase, [learner]),
    `Cross-entropy of the ${learner.name} on labelled batches. ${howDrawn}`,
  );
}

function trainFigure(phase: PhaseMetrics): Html {
  const lines = [line("teacherLoss", "teacher", teacher), line("studentLoss", "student", student)];
  return figure(
    "Teacher and student",
    lossCurves("train-loss", phase, lines),
    "Student: cross-entropy with the teacher's pseudo-labels. Teacher: labelled, consistency and feedback loss together; it " +
      `may rise while the consistency weight ramps up (compare Fig. 2 of the paper). ${howDrawn}`,
  );
}

function pseudoLabelFigure(phase: PhaseMetrics): Html {
  const lines = [line("studentLossLabelled", "on L", student), line("studentLossUnlabelled", "on U", teacher)];
  return figure(
    "Training with pseudo-labels",
    lossCurves("train-loss", phase, lines),
    `Cross-entropy on labelled batches, and with the student's own confident labels on unlabelled ones, as weighted. ${howDrawn}`,
  );
}

function studentValidation(epochs: readonly EpochLine[], run: RunData, chance: number | null): Html {
  const best = bestEpoch(epochs, run);
  const choice = best ? "; the best epoch's student is the one that is tested" : "";
  return figure(
    "Balanced accuracy on the validation part",
    validationCurve("validation", epochs, { name: "student", best, chance, style: student }),
    `Measured at the end of each epoch${choice}. Band: 95 % interval for a ` +
      "validation part of this size, so wiggles inside it mean little.",
  );
}

function teacherValidation(epochs: readonly EpochLine[], chance: number | null, who: Labeller): Html {
  return figure(
    "Validation during pre-training",
    validationCurve("pretrain-validation", epochs, {
      name: who,
      best: null,
      chance,
      style: who === "teacher" ? teacher : student,
    }),
    `The ${who} before it meets unlabelled images. Band: 95 % interval.`,
  );
}

function finetuneFigure(phase: PhaseMetrics): Html {
  return figure(
    "Fine-tuning of the student",
    lossCurves("finetune-loss", phase, [line("loss", "student", student)]),
    `Cross-entropy on labelled batches. ${howDrawn}`,
  );
}

/** What the teacher's labels say about the unlabelled part, and what balancing makes of it (Figs. 6 and 7). */
export function pseudoLabels(run: RunData): Html {
  if (isSupervised(run)) return missing("This method has no pseudo-labels.");
  const epochs = run.metrics?.phases.train.epochs ?? [];
  const last = epochs.findLast((e) => e.pseudoCounts);
  if (!last) return missing("No epoch of pseudo-labelling has finished yet.");
  const dataset = run.environment?.dataset ?? null;
  const who = labeller(run);
  const truth = dataset?.counts.U
    ? " against the truth, which training never sees"
    : "; the truth of the unlabelled part is not known";
  return html`<div class="pair">
${figure(
  `What the ${who} believes is in the unlabelled part`,
  classShares(epochs, bestEpoch(epochs, run), dataset, run.classes),
  `Share of each class among the ${who}'s labels of one patch per unlabelled image (compare Fig. 6 of the paper)${truth}.${shareDistance(last, dataset?.counts.U)}`,
)}
${figure(
  "How balancing samples the classes",
  samplingCurves(epochs, run.classes),
  `How often a patch that the ${who} gave this class is drawn in an epoch, in expectation (compare Fig. 7 of the paper: the ` +
    "sampling weight, inverse to the class's share). A class above 1 is drawn more often than it occurs, below 1 less often.",
)}
</div>${neverPredicted(epochs, who)}${labelQuality(epochs, run.classes, who)}`;
}

function neverPredicted(epochs: readonly EpochLine[], who: Labeller): Html | null {
  const names = [...new Set(epochs.flatMap((e) => e.neverPredicted))].sort();
  if (names.length === 0) return null;
  const items = names.map((name) => {
    const missed = epochs.filter((e) => e.neverPredicted.includes(name));
    return html`<li>${name}: ${missed.length} of ${epochs.length} epochs, last in epoch ${missed.at(-1)!.epoch}</li>`;
  });
  return html`<p>Classes that the ${who} gave to no patch in an epoch, so that none of them was learnt:</p>
<ul class="notes">${items}</ul>`;
}

/** Mask, feedback, loss parts, weights and rates by step, as small multiples. */
export function insideTheStep(run: RunData): Html {
  if (isSupervised(run)) return missing("This method has no teacher-student phase.");
  const train = run.metrics?.phases.train;
  if (!train || train.steps.size === 0) return missing("No step of the teacher-student phase has been logged yet.");
  return html`<div class="triple">
${figure(
  "Confident pseudo-labels",
  smallStepChart("mask", train, [{ key: "maskMean", name: "", style: 0 }], {
    title: "share of patches",
    min: 0,
    max: 1,
    format: (v) => percent(v, 0),
  }),
  "Share of a batch whose label is sure enough to be learnt from (the threshold is in the configuration).",
)}
${labeller(run) === "teacher" && teacherFigures(train)}
${scheduleFigures(train)}
${figure(
  "Validation loss of the student",
  validationLoss("validation-loss", train.epochs),
  "Cross-entropy on the validation part. Rising while the accuracy holds: the student grows overconfident.",
)}
</div>`;
}

/** What only a step of teacher and student has. */
function teacherFigures(train: PhaseMetrics): Html {
  return html`${figure(
    "Feedback to the teacher",
    smallStepChart("feedback", train, [{ key: "feedback", name: "", style: 0 }], {
      title: "change of loss (nats)",
      zero: true,
    }),
    "How the student's loss on labelled images changed by its step, with the sign set in the configuration.",
  )}
${figure(
  "Parts of the teacher's loss",
  smallStepChart(
    "teacher-parts",
    train,
    [
      { key: "teacherLossLabelled", name: "labelled", style: 0 },
      { key: "teacherLossUda", name: "consistency", style: 1 },
      { key: "teacherLossMpl", name: "feedback", style: 2 },
    ],
    { title: "loss (nats)" },
  ),
  "They add up to its loss: cross-entropy on labelled patches, disagreement between two views of unlabelled patches (times its weight), feedback.",
)}
${figure(
  "Weight of the consistency loss",
  smallStepChart("uda-weight", train, [{ key: "udaWeight", name: "", style: 0 }], {
    title: "weight",
    min: 0,
    exact: true,
  }),
  "Ramps up, so that early and doubtful pseudo-labels weigh little.",
)}`;
}

function scheduleFigures(train: PhaseMetrics): Html {
  const rates = [
    { key: "studentLr", name: "student", style: 0 },
    { key: "teacherLr", name: "teacher", style: 1 },
  ];
  return html`${figure("Learning rates", smallStepChart("rates", train, rates, { title: "learning rate", min: 0, exact: true }), "As scheduled.")}`;
}

/** The epoch that was chosen, or before the end of a run the best so far. */
function bestEpoch(epochs: readonly EpochLine[], { result }: RunData): Best | null {
  if (result) return result.bestEpoch === null ? null : { epoch: result.bestEpoch + 1, word: "chosen" };
  const known = epochs.filter((e) => e.balancedAccuracy !== null);
  const first = known.sort((a, b) => b.balancedAccuracy! - a.balancedAccuracy! || a.epoch - b.epoch)[0];
  return first ? { epoch: first.epoch, word: "best so far" } : null;
}

type Labeller = "teacher" | "student";

/** Who made the pseudo-labels. */
function labeller({ config }: RunData): Labeller {
  return factsOf(config?.facts.method)?.teacher === false ? "student" : "teacher";
}

/** Whether one network learnt from true labels alone, whatever came before. */
function isSupervised({ config, result, metrics }: RunData): boolean {
  const method = config?.facts.method;
  if (method !== undefined) return factsOf(method)?.phases.includes("train") === false;
  return result !== null && result.teacher === null && metrics?.phases.train.epochs.length === 0;
}

function line(key: string, name: string, look: SeriesStyle): { key: string; name: string; look: SeriesStyle } {
  return { key, name, look };
}
