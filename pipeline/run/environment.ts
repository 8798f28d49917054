import { platform, release } from "node:os";
import { resolve } from "node:path";
import * as z from "zod";
import { UserError } from "../../engine/index.js";
import { checkSameDigest, environmentFacts } from "./dataFacts.js";
import { noRun, type RunPaths, readJson } from "./folder.js";
import { packageVersion } from "./version.js";
import type { SplitData, Workspace } from "./workspace.js";

export { adapterName } from "./dataFacts.js";

/** What of `environment.json` a later command relies on. */
const environmentSchema = z.object({
  adapter: z.object({ device: z.string(), description: z.string() }),
  dataset: z.object({ root: z.string(), classes: z.array(z.string()).min(2), digest: z.string() }),
});
export type Environment = z.infer<typeof environmentSchema>;

/** The content of `environment.json`: where and on what a run began. */
export function environmentOf(ws: Workspace, data: SplitData) {
  const host = { equipoise: packageVersion(), node: process.version, os: `${platform()} ${release()}` };
  return environmentFacts(ws, data, host);
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
export function checkSameImages(data: SplitData, { dataset }: Environment, advice: string): Promise<void> {
  return checkSameDigest(data, dataset.digest, advice);
}

/** Where the images of a run are: a run that was made in a page carries them in its own folder. */
export function dataRootOf(paths: RunPaths, { dataset }: Environment): string {
  return resolve(paths.root, dataset.root);
}
