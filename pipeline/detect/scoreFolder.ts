import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../engine/errors.js";
import { parseCsv } from "../data/csv.js";
import { readGrey } from "../data/png.js";
import { type ImageScore, type ScoreOptions, scoreDefaults, scoreMask, type TotalScore, totalScore } from "./score.js";

export interface FolderScoreOptions extends Partial<ScoreOptions> {
  readonly onProgress?: (done: number, total: number) => void;
}

export interface FolderScore extends TotalScore, ScoreOptions {
  /** Images of the truth for which there is no detection. */
  readonly missing: string[];
  /** Objects to be found and found by the class in the truth's colonies.csv; empty without it. */
  readonly classes: Record<string, { truth: number; matched: number; recall: number }>;
  readonly perImage: { image: string; truth: number; detected: number; matched: number; maskIou: number }[];
}

function listTruth(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new UserError(`score: ${folder} is no folder; give the folder "truth" that \`equipoise synth --wells\` made`);
  const stems = readdirSync(folder)
    .filter((name) => name.toLowerCase().endsWith(".png"))
    .map((name) => name.slice(0, -4));
  if (stems.length === 0) throw new UserError(`score: ${folder} holds no PNG file; give the folder of the true masks`);
  return stems.sort();
}

/** Class of each colony of each image, from `TRUTH/colonies.csv`: "A01/7/3" is colony 3 of well A01 at time 7. */
function readClasses(folder: string): Map<string, string> {
  const file = join(folder, "colonies.csv");
  if (!existsSync(file)) return new Map();
  const { columns, rows } = parseCsv(readFileSync(file, "utf8"), file);
  const lacking = ["well", "time", "colony", "class"].find((name) => !columns.includes(name));
  if (lacking !== undefined)
    throw new UserError(`${file}: there is no column "${lacking}"; it has ${columns.join(", ")}`);
  return new Map(rows.map(({ values: v }) => [`${v.well}/${Number(v.time)}/${v.colony}`, v.class ?? ""]));
}

/** "A01_t07" -> "A01/7" */
function wellAndTime(stem: string): string {
  const [, well, time] = /^(.*)_t(\d+)$/.exec(stem) ?? [];
  return well === undefined ? stem : `${well}/${Number(time)}`;
}

function scoreOne(folder: string, truthFolder: string, stem: string, options: ScoreOptions): ImageScore {
  const [truthFile, file] = [join(truthFolder, `${stem}.png`), join(folder, stem, "mask.png")];
  const [truth, mask] = [readGrey(truthFile), readGrey(file)];
  if (truth.width !== mask.width || truth.height !== mask.height)
    throw new UserError(
      `${file}: ${mask.width} x ${mask.height} px, but ${truthFile} is ${truth.width} x ${truth.height}; detect the wells of this truth`,
    );
  return scoreMask(truth.pixels, mask.pixels, truth.width, options);
}

/**
 * Scores what `equipoise detect --out FOLDER` made (`<stem>/mask.png`) against the true masks `TRUTH/<stem>.png`, one image in memory at a
 * time. Images without a detection are listed, not scored.
 * @throws UserError for folders without masks, damaged files, sizes that differ
 */
export function scoreFolder(folder: string, truthFolder: string, options: FolderScoreOptions = {}): FolderScore {
  const { minSize = scoreDefaults.minSize, iou = scoreDefaults.iou, onProgress } = options;
  const stems = listTruth(truthFolder);
  const present = stems.filter((stem) => existsSync(join(folder, stem, "mask.png")));
  if (present.length === 0)
    throw new UserError(
      `score: ${folder} has no mask of any image of ${truthFolder} (such as ${join(stems[0] as string, "mask.png")}); give the folder that \`equipoise detect --out\` made`,
    );
  const classOf = readClasses(truthFolder);
  const classes: FolderScore["classes"] = {};
  const perImage: FolderScore["perImage"] = [];
  const scores = present.map((stem, i) => {
    const score = scoreOne(folder, truthFolder, stem, { minSize, iou });
    for (const [id, { truth, matched }] of score.found) {
      const name = classOf.get(`${wellAndTime(stem)}/${id}`);
      if (name === undefined) continue;
      const before = classes[name] ?? { truth: 0, matched: 0 };
      const [all, hit] = [before.truth + truth, before.matched + matched];
      classes[name] = { truth: all, matched: hit, recall: hit / all };
    }
    const maskIou = score.union === 0 ? 1 : score.intersection / score.union;
    perImage.push({ image: stem, truth: score.truth, detected: score.detected, matched: score.ious.length, maskIou });
    onProgress?.(i + 1, present.length);
    return score;
  });
  const missing = stems.filter((stem) => !present.includes(stem));
  return { ...totalScore(scores), minSize, iou, missing, classes, perImage };
}
