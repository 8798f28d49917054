import type { AdapterInfo } from "../engine/device.js";
import type { ImportedWeights, Part } from "../pipeline/checkpoints/importPth.js";
import type { ClassMapRunOptions, ClassMapSummary } from "../pipeline/classMap/classMapRun.js";
import type { FashionShape } from "../pipeline/data/fashionShapes.js";
import type { ImportSide } from "../pipeline/data/importSides.js";
import type { DetectRunOptions, DetectSummary } from "../pipeline/detect/run/types.js";
import type { FolderScore, FolderScoreOptions } from "../pipeline/detect/scoreFolder.js";
import type { ExperimentOptions, ExperimentResult } from "../pipeline/experiment/index.js";
import type { FigureOptions, WrittenFigures } from "../pipeline/figures/index.js";
import type { Comparison, KernelTiming, ProfileCommandOptions, ProfileDocument } from "../pipeline/profile/index.js";
import type { RawOptions, RawResult } from "../pipeline/rawTensors/index.js";
import type { ReportOptions } from "../pipeline/report/index.js";
import type {
  EvaluateOptions,
  EvaluationResult,
  PredictOptions,
  ResumeOptions,
  RunResult,
  TrainOptions,
} from "../pipeline/run/types.js";
import type { RunsTable, TableFormat, TableOptions } from "../pipeline/statistics/index.js";
import type { ModelSummary, SummaryOptions } from "../pipeline/summary/index.js";
import type { WellsOptions, WellsSummary } from "../pipeline/synth/wells/index.js";
import type { TimeCourseResult, TimeCourseRunOptions } from "../pipeline/timecourse/timecourseRun.js";
import type { TuneCommandOptions, TuneReport } from "../pipeline/tuning/tuneRun.js";

export type { ImportedWeights, Part } from "../pipeline/checkpoints/importPth.js";
export type { DetectRunOptions, DetectSummary } from "../pipeline/detect/run/types.js";
export type { FolderScore as DetectionScore } from "../pipeline/detect/scoreFolder.js";
export type { ExperimentOptions, ExperimentResult, PlanChanges, RunState } from "../pipeline/experiment/index.js";
export type { FigureNumber } from "../pipeline/figures/index.js";
export type { Comparison, KernelTiming, ProfileDocument } from "../pipeline/profile/index.js";
export type { RawOptions, RawResult } from "../pipeline/rawTensors/index.js";
export type {
  AnswerChoice,
  EvaluateOptions,
  EvaluationResult,
  PredictOptions,
  ResumeOptions,
  RunLog,
  RunResult,
  TrainOptions,
  TuneMode,
} from "../pipeline/run/types.js";
export type {
  NetworkChoice,
  RunsTable,
  TableFormat,
  TableOptions,
  TestedMetric,
} from "../pipeline/statistics/index.js";
export type { ModelSummary, SummaryOptions } from "../pipeline/summary/index.js";
export type { Summary as TimeCourseSummary } from "../pipeline/timecourse/curves.js";
export type { Weight as TimeCourseWeight } from "../pipeline/timecourse/series.js";
export type { TuneReport } from "../pipeline/tuning/tuneRun.js";

export interface AdapterDetails extends AdapterInfo {
  features: string[];
  maxStorageBufferBindingSize: number;
}

/** What the commands call: the rest of the project. Loaded when needed, so that `--help` is quick and needs no GPU. */
export interface Actions {
  diagnose(): Promise<{ ok: boolean; text: string; details: unknown }>;
  adapters(): Promise<AdapterDetails[]>;
  synthesise(out: string, options: SynthOptions): Promise<ImageSummary>;
  /** Whole wells over time, with truth. */
  synthesiseWells(out: string, options: WellsOptions): Promise<WellsSummary>;
  /** Compares the masks that `detect` made with true ones. */
  scoreDetection(folder: string, truth: string, options: FolderScoreOptions): Promise<FolderScore>;
  importFashionMnist(out: string, options: ImportOptions): Promise<ImageSummary>;
  /** Weights of a PyTorch checkpoint as safetensors. */
  importPth(file: string, out: string, part?: Part): Promise<ImportedWeights>;
  /** Colonies of image files, or of folders of them. */
  detectWells(wells: string[], options: DetectRunOptions): Promise<DetectSummary>;
  trainRun(options: TrainOptions): Promise<RunResult>;
  resumeRun(run: string, options: ResumeOptions): Promise<RunResult>;
  evaluateRun(run: string, options: EvaluateOptions): Promise<EvaluationResult>;
  /** Resolves to the number of images predicted. */
  predictRun(run: string, images: string[], options: PredictOptions): Promise<number>;
  /** Which part of each colony belongs to which class. */
  mapClasses(run: string, images: string[], options: ClassMapRunOptions): Promise<ClassMapSummary>;
  /** Shares of the classes over time, compared between conditions. */
  timecourse(predictions: string, options: TimeCourseRunOptions): Promise<TimeCourseResult>;
  tune(options: TuneCommandOptions): Promise<TuneReport>;
  profile(options: ProfileCommandOptions): Promise<ProfileDocument>;
  /** Reads two files that `profile --json` made. */
  compareProfiles(before: string, after: string): Promise<Comparison>;
  profileKernel(request: KernelFileRequest): Promise<{ adapter: string; timings: KernelTiming[] }>;
  /** What a network costs. */
  summarize(options: SummaryOptions): Promise<ModelSummary>;
  /** A network on tensors of a file. */
  runRawTensors(options: RawOptions): Promise<RawResult>;
  /** Report of a run, or joined report of several. Resolves to the path of the HTML file. */
  writeReport(runs: string | string[], out?: string, options?: ReportOptions): Promise<string>;
  runExperiment(options: ExperimentOptions): Promise<ExperimentResult>;
  /** Configurations of finished runs side by side, and the same as text. */
  tableOfRuns(folders: string[], options: TableRequest): Promise<{ table: RunsTable; text: string }>;
  /** Figures of the article for runs, as files. */
  writeFigures(folders: string[], out: string, options: FigureOptions): Promise<WrittenFigures>;
}

/** `out` only chooses the format where none is given. */
export interface TableRequest extends TableOptions {
  /** Name of further images, as the plan of an experiment calls them. */
  set?: string;
  format?: TableFormat;
  out?: string;
}

/** A kernel file to time; `settings` are texts "name=expression". */
export interface KernelFileRequest {
  file: string;
  sizes: number[] | null;
  settings: string[];
  samples: number;
  adapter?: string;
}

/** A folder of images that was made; further facts are shown with `--json`. */
export interface ImageSummary {
  images: number;
  /** Images per class folder. */
  counts: Record<string, number>;
  /** Images per class folder of a second, untouched test set in the folder `test`. */
  testCounts?: Record<string, number>;
}

interface MakeOptions {
  onProgress(done: number, total: number): void;
  /** When aborted, nothing is kept. */
  signal: AbortSignal;
}

export interface SynthOptions extends MakeOptions {
  preset: "tiny" | "small" | "table1";
  seed: number;
}

export interface ImportOptions extends MakeOptions {
  shape: FashionShape;
  size?: ImportSide;
  /** Folder of the IDX files. */
  source?: string;
}
