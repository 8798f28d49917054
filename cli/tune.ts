import type { Command } from "commander";
import type { TuneReport } from "./actions.js";
import { type StepOptions, stepConfig, withStepOptions } from "./configOptions.js";
import { table } from "./format.js";
import { interruptible } from "./interrupt.js";
import { given, runLog } from "./options.js";
import type { Session } from "./session.js";

interface Options extends StepOptions {
  adapter?: string;
}

/** `equipoise tune`: which kernels are fastest on this adapter, for the runs to come. */
export function addTune(program: Command, session: Session): void {
  const command = program
    .command("tune")
    .description("time the kernels of a training step on this adapter and keep the fastest for runs to come");
  withStepOptions(command)
    .option("--adapter <name>", 'part of the name of a WebGPU adapter; see "adapters"')
    .action((options: Options) => runTune(session, options));
}

async function runTune(session: Session, options: Options): Promise<void> {
  const { classes, adapter } = options;
  const config = stepConfig(options);
  const report = await interruptible(
    session,
    (signal) => session.actions.tune({ config, classes, ...given({ adapter }), log: runLog(session), signal }),
    () => "nothing was kept; start it again",
  );
  session.result(report, describe(report));
}

function describe({ tuned, file, adapter }: TuneReport): string {
  const rows = tuned
    .filter(({ seconds }) => Object.keys(seconds).length > 0)
    .map(({ key, variant, preferred, seconds, flops }) => {
      const best = seconds[variant] ?? Number.NaN;
      const own = seconds[preferred];
      const gain =
        variant === preferred ? "the default" : own === undefined ? "much faster" : `${(own / best).toFixed(2)}x`;
      return [key, variant, `${(best * 1000).toFixed(2)} ms`, (flops / best / 1e9).toFixed(1), gain];
    });
  const changed = tuned.filter(({ variant, preferred }) => variant !== preferred).length;
  return [
    table([["operation and shape", "fastest", "time", "GFLOP/s", "against the default"], ...rows]),
    "",
    `${tuned.length} shapes on ${adapter}; ${changed} now differ from the default. Kept in ${file}`,
  ].join("\n");
}
