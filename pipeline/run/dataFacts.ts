import { UserError } from "../../engine/index.js";
import { countClasses } from "../data/sampler.js";
import type { SplitData, Workspace } from "./workspace.js";

/** What a run knows of its images: the part `dataset` of `environment.json`. */
export async function datasetFacts({ dataset, split, labels }: SplitData) {
  const count = (images: readonly number[]) =>
    countClasses(
      images.map((i) => labels[i] as number),
      dataset.classes.length,
    );
  const hidden = split.U.map((i) => dataset.images[i]?.label ?? -1);
  const known = hidden.length > 0 && hidden.every((label) => label >= 0);
  return {
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
    digest: await digestOf({ dataset, split }),
  };
}

/** The content of `environment.json`: where and on what a run began. @param host the program and what it runs in */
export async function environmentFacts(ws: Workspace, data: SplitData, host: Readonly<Record<string, string>>) {
  return {
    ...host,
    adapter: ws.device.info,
    startedAt: new Date().toISOString(),
    seed: ws.config.seed,
    dataset: await datasetFacts(data),
  };
}

/**
 * The parts of a run must be the images that it began with: others would mix training and test.
 * @param digest of the run's beginning
 * @param advice what else the user may do
 * @throws UserError naming the folder of images
 */
export async function checkSameDigest(data: SplitData, digest: string, advice: string): Promise<void> {
  if ((await digestOf(data)) === digest) return;
  throw new UserError(
    `${data.dataset.root}: the images are not those that this run began with (files were added, removed or renamed): ` +
      `restore them, or ${advice}`,
  );
}

/** What the adapter is called; browsers name the maker and the family alone. */
export function adapterName({ device, description, ...more }: AdapterNames): string {
  return device || description || [more.vendor, more.architecture].filter(Boolean).join(" ");
}

interface AdapterNames {
  readonly device: string;
  readonly description: string;
  readonly vendor?: string;
  readonly architecture?: string;
}

/** Digest of the list of images and of their parts. */
async function digestOf({ dataset, split }: Pick<SplitData, "dataset" | "split">): Promise<string> {
  const text = JSON.stringify([dataset.images.map((i) => i.id), split.L, split.validation, split.U, split.T]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
