/**
 * Run folders for tests of the report: what a trainer would have written, from a small simulated process. A simulated network
 * has a skill that rises with training; its probabilities are a softmax of skill x similarity + noise, and every count, loss
 * and confusion in the folder follows from such draws. Nothing here is a result of this project.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PNG } from "pngjs";
import { pseudoQuality } from "../../pipeline/imbalance/pseudoQuality.js";
import { chance, type Evaluation, evaluate, majority } from "../../pipeline/metrics.js";
import { writePredictions } from "../../pipeline/run/predictions.js";

export interface FakeRunOptions {
  seed?: number;
  classes?: string[];
  /** Images of each class in the whole set; the parts are 8 % L, 2 % validation, 80 % U, 10 % T. */
  counts?: number[];
  pretrainSteps?: number;
  epochs?: number;
  stepsPerEpoch?: number;
  supervised?: boolean;
  multiScale?: boolean;
  /** Whether image files are written. */
  images?: boolean;
  /** Stop here, as a killed run would. */
  stopAfter?: "start" | "pretrain" | "train";
}

const stemCells = { classes: ["Debris", "Dense", "Diff", "Spread"], counts: [359, 393, 66, 1051] };

/** Uniform numbers in [0, 1), mulberry32. */
export function uniform(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Writes RUN and, beside it, DATA. Returns both paths. */
export async function fakeRun(parent: string, options: FakeRunOptions = {}): Promise<{ run: string; data: string }> {
  const sim = new Simulation(parent, options);
  await mkdir(sim.run, { recursive: true });
  if (options.images !== false) await sim.writeImages();
  await sim.writeHead();
  await sim.writeMetrics();
  if (!options.stopAfter) await sim.writeResult();
  return { run: sim.run, data: sim.data };
}

interface Parts {
  L: number[];
  validation: number[];
  U: number[];
  T: number[];
}

class Simulation {
  readonly run: string;
  readonly data: string;
  private readonly next: () => number;
  private readonly classes: string[];
  private readonly parts: Parts;
  private readonly options: Required<Omit<FakeRunOptions, "stopAfter" | "counts" | "classes">> & {
    stopAfter: FakeRunOptions["stopAfter"];
  };
  private bestEpoch = 0;

  constructor(parent: string, options: FakeRunOptions) {
    this.run = join(parent, "ipb-vgg-seed1");
    this.data = join(parent, "data");
    const seed = options.seed ?? 1;
    this.next = uniform(seed);
    this.classes = options.classes ?? stemCells.classes;
    const counts = options.counts ?? (options.classes ? options.classes.map((_, i) => 40 + 17 * i) : stemCells.counts);
    const share = (f: number, least: number) => counts.map((n) => Math.max(least, Math.round(n * f)));
    this.parts = { L: share(0.08, 2), validation: share(0.02, 1), U: share(0.8, 1), T: share(0.1, 1) };
    this.options = {
      seed,
      pretrainSteps: options.pretrainSteps ?? 300,
      epochs: options.epochs ?? 12,
      stepsPerEpoch: options.stepsPerEpoch ?? 94,
      supervised: options.supervised ?? false,
      multiScale: options.multiScale ?? false,
      images: options.images ?? true,
      stopAfter: options.stopAfter,
    };
  }

  async writeHead(): Promise<void> {
    const { supervised, multiScale, seed } = this.options;
    const config = {
      config: supervised ? "vgg19" : multiScale ? "ms-ipb-vgg" : "ipb-vgg",
      preset: "tiny",
      recipe: "paper",
      seed,
      method: supervised ? "supervised" : "meta-pseudo-labels",
      model: multiScale ? "ms-vgg19" : "vgg19",
      width: 0.125,
      batch: 16,
      data: {
        split: "benchmark",
        folds: 10,
        fold: 0,
        labelledFraction: 0.1,
        unlabelled: ["Unlabelled"],
        groupBy: null,
      },
      patch: { size: multiScale ? 128 : 64, smallSize: multiScale ? 64 : null, minForeground: 0.25 },
      pretrain: { epochs: 30, lr: 0.005, optimizer: { name: "sgd", momentum: 0.9, weightDecay: 0.0001 } },
      meta: { balance: true, threshold: 0.65, lambdaU: 8, udaSteps: "50%", feedbackSign: "new-old" },
    };
    const environment = {
      equipoise: "0.1.0",
      node: "v20.19.0",
      adapter: {
        vendor: "mesa",
        architecture: "",
        device: "llvmpipe (LLVM 19.1.7, 256 bits)",
        description: "llvmpipe",
        driver: "Mesa 25.0.7",
      },
      os: "Linux 6.1 x64",
      startedAt: "2024-03-01T09:12:44.000Z",
      seed,
      dataset: { root: this.data, classes: this.classes, counts: { ...this.parts }, multiLabel: 27 },
    };
    await writeFile(join(this.run, "config.json"), JSON.stringify(config, null, 2));
    await writeFile(join(this.run, "environment.json"), JSON.stringify(environment, null, 2));
  }

  async writeMetrics(): Promise<void> {
    const { stopAfter, supervised } = this.options;
    if (stopAfter === "start") return;
    const lines = this.pretrainLines();
    if (stopAfter !== "pretrain" && !supervised) lines.push(...this.trainLines());
    await writeFile(join(this.run, "metrics.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }

  async writeResult(): Promise<void> {
    const truth = this.parts.T.flatMap((n, c) => Array.from({ length: n }, () => c));
    const train = this.parts.L.flatMap((n, c) => Array.from({ length: n }, () => c));
    const teacher = truth.map((t) => this.probabilities(t, 3.1));
    const student = truth.map((t) => this.probabilities(t, 4.2));
    const result = {
      classes: this.classes,
      chance: chance(this.classes),
      majority: majority(train, truth),
      teacher: this.options.supervised ? null : evaluate(this.classes, truth, teacher),
      student: evaluate(this.classes, truth, student),
      ensemble: this.options.supervised
        ? null
        : evaluate(
            this.classes,
            truth,
            student.map((row, i) => row.map((p, c) => (p + (teacher[i]![c] as number)) / 2)),
          ),
      bestEpoch: this.bestEpoch,
      finetuned: true,
      seconds: 214.7,
    };
    await writeFile(join(this.run, "result.json"), JSON.stringify(result, null, 2));
    const files = this.testFiles();
    const rows = student.map((probabilities, i) => ({ file: files[i]!, probabilities, truth: truth[i]! }));
    await writePredictions(join(this.run, "predictions.csv"), rows, this.classes);
  }

  /** Grey pictures of blobs; the class sets their size, number and brightness. */
  async writeImages(): Promise<void> {
    for (const [c, name] of this.classes.entries()) {
      await mkdir(join(this.data, "images", folder(name)), { recursive: true });
      for (let i = 0; i < this.parts.T[c]!; i++)
        await writeFile(
          join(this.data, "images", folder(name), `${folder(name)}_${i}.png`),
          blobs(this.next, c, this.options.multiScale ? 150 : 80),
        );
    }
  }

  private testFiles(): string[] {
    return this.classes.flatMap((name, c) =>
      Array.from({ length: this.parts.T[c]! }, (_, i) => `${folder(name)}/${folder(name)}_${i}.png`),
    );
  }

  private pretrainLines(): object[] {
    const { pretrainSteps, supervised } = this.options;
    const lines: object[] = [];
    const perEpoch = Math.max(1, Math.round(pretrainSteps / 30));
    for (let step = 0; step < pretrainSteps; step++) {
      const epoch = Math.floor(step / perEpoch);
      const loss =
        Math.log(this.classes.length) *
        (0.25 + 0.85 * Math.exp(-step / (0.3 * pretrainSteps))) *
        Math.exp(0.22 * this.normal());
      lines.push({ kind: "pretrain-step", step, epoch, loss, lr: 0.005 });
      if ((step + 1) % perEpoch !== 0) continue;
      const { balancedAccuracy, loss: validationLoss, confusion } = this.validate(3.1 * (1 - Math.exp(-epoch / 8)));
      if (supervised) this.noteBest(epoch, balancedAccuracy);
      lines.push({
        kind: "pretrain-epoch",
        epoch,
        loss,
        validation: { balancedAccuracy, loss: validationLoss, confusion },
      });
    }
    return lines;
  }

  private trainLines(): object[] {
    const { epochs, stepsPerEpoch } = this.options;
    this.best = -1;
    const total = epochs * stepsPerEpoch;
    const lines: object[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let k = 0; k < stepsPerEpoch; k++) lines.push(this.stepLine(epoch * stepsPerEpoch + k, epoch, total));
      lines.push(this.epochLine(epoch, epochs));
    }
    return lines;
  }

  private stepLine(step: number, epoch: number, total: number): object {
    const t = step / total;
    const noise = (size: number) => Math.exp(size * this.normal());
    const udaWeight = 8 * Math.min(1, (step + 1) / (0.5 * total));
    const feedback = (0.25 * Math.exp(-4 * t) + 0.03) * this.normal() - 0.08 * Math.exp(-3 * t);
    const teacherLossLabelled = (0.2 + 0.25 * Math.exp(-5 * t)) * noise(0.3);
    const teacherLossUda = udaWeight * (0.05 + 0.28 * Math.exp(-2 * t)) * noise(0.25);
    const teacherLossMpl = feedback * (0.4 + 0.4 * this.next());
    const studentLoss = Math.log(this.classes.length) * (0.3 + 0.75 * Math.exp(-t / 0.25)) * noise(0.18);
    const teacherLoss = teacherLossLabelled + teacherLossUda + teacherLossMpl;
    const maskMean = Math.round(16 * Math.min(1, 0.45 + 0.4 * (1 - Math.exp(-3 * t)) + 0.08 * this.normal())) / 16;
    const studentLr = 0.005 * Math.min(1, step / (0.05 * total));
    return {
      kind: "step",
      step,
      epoch,
      studentLoss,
      teacherLoss,
      teacherLossLabelled,
      teacherLossUda,
      teacherLossMpl,
      feedback,
      maskMean,
      udaWeight,
      studentLr,
      teacherLr: 0.005,
    };
  }

  private epochLine(epoch: number, epochs: number): object {
    const pseudoCounts = this.classes.map(() => 0);
    const skill = 2.6 + 1.2 * (epoch / epochs);
    const labels: { truth: number; pseudo: number; sure: number }[] = [];
    for (const [c, n] of this.parts.U.entries())
      for (let i = 0; i < n; i++) {
        const p = this.probabilities(c, skill);
        const pseudo = p.indexOf(Math.max(...p));
        pseudoCounts[pseudo]! += 1;
        labels.push({ truth: c, pseudo, sure: p[pseudo]! >= 0.65 ? 1 : 0 });
      }
    const column = (key: "truth" | "pseudo" | "sure") => labels.map((one) => one[key]);
    const { balancedAccuracy, loss, confusion } = this.validate(4.2 * (1 - Math.exp(-(epoch + 1) / 4)));
    this.noteBest(epoch, balancedAccuracy);
    return {
      kind: "epoch",
      epoch,
      seconds: 15 + this.next(),
      studentLoss: 0.6,
      teacherLoss: 0.9,
      pseudoCounts,
      pseudoTrueCounts: this.parts.U,
      pseudoQuality: pseudoQuality(this.classes, column("truth"), column("pseudo"), column("sure")),
      samplingWeights: pseudoCounts.map((n) => (n === 0 ? 0 : 1 / n)),
      neverPredicted: this.classes.filter((_, c) => pseudoCounts[c] === 0),
      validation: { balancedAccuracy, loss, confusion },
    };
  }

  private best = -1;
  private noteBest(epoch: number, balancedAccuracy: number | null): void {
    if (balancedAccuracy === null || balancedAccuracy <= this.best) return;
    this.best = balancedAccuracy;
    this.bestEpoch = epoch;
  }

  private validate(skill: number): Evaluation {
    const truth = this.parts.validation.flatMap((n, c) => Array.from({ length: 3 * n }, () => c));
    return evaluate(
      this.classes,
      truth,
      truth.map((t) => this.probabilities(t, skill)),
    );
  }

  /** Softmax of skill x similarity + noise; neighbouring classes are alike, the last (most frequent) attracts. */
  private probabilities(truth: number, skill: number): number[] {
    const last = this.classes.length - 1;
    const logits = this.classes.map((_, c) => {
      const similarity = c === truth ? 1 : Math.abs(c - truth) === 1 ? 0.35 : 0;
      return skill * (similarity + (c === last ? 0.12 : 0)) + 1.1 * this.normal();
    });
    const exps = logits.map((v) => Math.exp(v - Math.max(...logits)));
    const sum = exps.reduce((a, b) => a + b);
    return exps.map((v) => v / sum);
  }

  private normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}

/** A name that a file system takes. */
function folder(name: string): string {
  return name.replace(/[^\w -]/g, "_");
}

function blobs(next: () => number, kind: number, side: number): Buffer {
  const [width, height] = [side + Math.floor(40 * next()), side + Math.floor(40 * next())];
  const field = new Float64Array(width * height).fill(118);
  const radius = [7, 3, 9, 12, 5][kind % 5]!;
  const many = Math.round(width * height * [0.004, 0.03, 0.0025, 0.0022, 0.01][kind % 5]! * (0.7 + 0.6 * next()));
  for (let b = 0; b < many; b++) {
    const [cy, cx, r] = [height * next(), width * next(), radius * (0.6 + 0.8 * next())];
    const [stretch, angle, tone] = [
      kind % 5 === 2 ? 3 : 1,
      Math.PI * next(),
      (next() < 0.5 ? -1 : 1) * (25 + 45 * next()),
    ];
    const reach = Math.ceil(r * stretch * 2);
    for (let y = Math.max(0, Math.floor(cy - reach)); y < Math.min(height, cy + reach); y++)
      for (let x = Math.max(0, Math.floor(cx - reach)); x < Math.min(width, cx + reach); x++) {
        const u = ((x - cx) * Math.cos(angle) + (y - cy) * Math.sin(angle)) / (r * stretch);
        const v = ((y - cy) * Math.cos(angle) - (x - cx) * Math.sin(angle)) / r;
        const d = u * u + v * v;
        field[y * width + x]! += tone * (Math.exp(-d * 2) - 0.5 * Math.exp(-((Math.sqrt(d) - 1) ** 2) * 12));
      }
  }
  const png = new PNG({ width, height, colorType: 0, inputColorType: 0, bitDepth: 8 });
  png.data = Buffer.from(Uint8Array.from(field, (v) => Math.max(0, Math.min(255, v + 12 * (next() - 0.5)))));
  return PNG.sync.write(png, { colorType: 0, inputColorType: 0, bitDepth: 8, inputHasAlpha: false });
}
