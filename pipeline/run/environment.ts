import { createHash } from "node:crypto";
import { platform, release } from "node:os";
import { z } from "zod";
import { UserError } from "../../engine/index.js";
import { countClasses } from "../data/sampler.js";
import { noRun, type RunPaths, readJson } from "./folder.js";
import { packageVersion } from "./version.js";
import type { SplitData, Workspace } from "./workspace.js";

/** What of `environment.json` a later command relies on. */
const environmentSchema = z.object({
  adapter: z.object({ device: z.string(), description: z.string() }),
  dataset: z.object({ root: z.string(), classes: z.array(z.string()).min(2), digest: z.string() }),
});
export type Environment = z.infer<typeof environmentSchema>;

/** The content of `environment.json`: where and on what a run began. */
export function environmentOf(ws: Workspace, data: SplitData) {
  const { dataset, split, labels } = data;
  const count = (images: readonly number[]) =>
    countClasses(
      images.map((i) => labels[i] as number),
      dataset.classes.length,
    );
  const hidden = split.U.map((i) => dataset.images[i]?.label ?? -1);
  const known = hidden.length > 0 && hidden.every((label) => label >= 0);
  return {
    equipoise: packageVersion(),
    node: process.version,
    adapter: ws.device.info,
    os: `${platform()} ${release()}`,
    startedAt: new Date().toISOString(),
    seed: ws.config.seed,
    dataset: {
      root: dataset.root,
      classes: dataset.classes,
      counts: {
        L: count(split.L),
        validation: count(split.validation),
        U: known ? countClasses(hidden, dataset.classes.length) : null,
        T: count(split.T),
      },
      unlabelled: split.U.length,
      multiLabel: split.U.filter((i) => dataset.images[i]?.part === "multi-label").length,
      digest: digestOf(data),
    },
  };
}

/** @throws UserError if the folder holds no run, or one that was stopped before it had begun. */
export function readEnvironment(paths: RunPaths): Environment {
  const value = environmentSchema.safeParse(readJson(paths.environment, noRun));
  if (value.success) return value.data;
  const path = value.error.issues[0]?.path.join(".");
  throw new UserError(`${paths.environment}: "${path}" is missing or wrong; was the file edited?`);
}

/**
 * The parts of a run must be the images that it began with: others would mix training and test.
 * @param advice what else the user may do
 * @throws UserError naming the folder of images
 */
export function checkSameImages(data: SplitData, environment: Environment, advice: string): void {
  if (digestOf(data) === environment.dataset.digest) return;
  throw new UserError(
    `${data.dataset.root}: the images are not those that this run began with (files were added, removed or renamed): ` +
      `restore them, or ${advice}`,
  );
}

/** What the adapter is called. */
export function adapterName({ device, description }: Environment["adapter"]): string {
  return device || description;
}

/** Digest of the list of images and of their parts. */
function digestOf({ dataset, split }: SplitData): string {
  const text = JSON.stringify([dataset.images.map((i) => i.id), split.L, split.validation, split.U, split.T]);
  return createHash("sha256").update(text).digest("hex");
}
