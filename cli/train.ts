import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { type ConfigRequest, resolveConfig } from "../pipeline/config/resolve.js";
import type { TuneMode } from "../pipeline/run/types.js";
import { configRequest, withConfigOptions } from "./configOptions.js";
import { formatRun } from "./format.js";
import { interruptible } from "./interrupt.js";
import { given, runLog } from "./options.js";
import { defaultRunFolder, makeRunFolder, removeIfEmpty } from "./output.js";
import type { Session } from "./session.js";

interface Options extends ConfigRequest {
  data: string;
  out?: string;
  adapter?: string;
  tune: TuneMode;
  yes?: true;
}

/** `equipoise train`: a run from the images to the tested student. */
export function addTrain(program: Command, session: Session): void {
  const command = program
    .command("train")
    .description("train on a folder of images and test the outcome")
    .requiredOption(
      "--data <folder>",
      "folder of images: images/<Class>/*.png with masks/<Class>/*.png, or <Class>/*.png",
    );
  withConfigOptions(command)
    .option("--out <folder>", "new folder for the run (default: runs/<config>-<time>)")
    .option("--adapter <name>", 'part of the name of a WebGPU adapter; see "adapters"')
    .addOption(
      new Option(
        "--tune <mode>",
        'kernels: the defaults, those that "tune" kept for this adapter, or time what is still unknown first',
      )
        .choices(["off", "cached", "full"])
        .default("cached"),
    )
    .option("--yes", "do not ask before a run of more than 24 hours")
    .action((options: Options) => train(session, options));
}

async function train(session: Session, options: Options): Promise<void> {
  const config = resolveConfig(configRequest(options));
  const out = options.out ?? defaultRunFolder(config.config, new Date());
  makeRunFolder(out, session.command("resume", out));
  try {
    const rest = {
      ...given({ adapter: options.adapter }),
      tune: options.tune,
      yes: options.yes === true,
      log: runLog(session),
    };
    const result = await interruptible(
      session,
      (signal) => session.actions.trainRun({ config, dataRoot: options.data, out, ...rest, signal }),
      () => resumeAdvice(session, out),
    );
    session.result({ run: out, ...result }, formatRun(result, out));
  } finally {
    removeIfEmpty(out);
  }
}

/** What to do with a run that was stopped. */
export function resumeAdvice(session: Session, run: string): string {
  return existsSync(join(run, "checkpoint"))
    ? `continue with: ${session.command("resume", run)}`
    : "there was no checkpoint yet, so there is nothing to continue";
}
