import type { Command } from "commander";
import type { ConfigRequest } from "../pipeline/config/resolve.js";
import { resolveConfig } from "../pipeline/config/resolve.js";
import type { TuneReport } from "./actions.js";
import { configRequest, withConfigOptions } from "./configOptions.js";
import { table } from "./format.js";
import { interruptible } from "./interrupt.js";
import { given, runLog, wholeNumber } from "./options.js";
import type { Session } from "./session.js";

interface Options extends ConfigRequest {
  model?: string;
  input?: number;
  batch?: number;
  classes: number;
  adapter?: string;
}

/** `equipoise tune`: which kernels are fastest on this adapter, for the runs to come. */
export function addTune(program: Command, session: Session): void {
  const command = program
    .command("tune")
    .description("time the kernels of a training step on this adapter and keep the fastest for runs to come");
  withConfigOptions(command)
    .option("--model <name>", "network, instead of the configuration's")
    .option("--input <px>", "side of a patch, instead of the configuration's", wholeNumber(1))
    .option("--batch <n>", "labelled patches per step, instead of the configuration's", wholeNumber(2))
    .option("--classes <n>", "number of classes", wholeNumber(2), 4)
    .option("--adapter <name>", 'part of the name of a WebGPU adapter; see "adapters"')
    .action((options: Options) => runTune(session, options));
}

async function runTune(session: Session, options: Options): Promise<void> {
  const { model, input, batch, classes, adapter } = options;
  const shorthand = { model, "patch.size": input, batch };
  const set = Object.entries(given(shorthand)).map(([key, value]) => `${key}=${value}`);
  const request = configRequest(options);
  const config = resolveConfig({ ...request, set: [...(request.set ?? []), ...set] });
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
        variant === preferred ? "as before" : own === undefined ? "much faster" : `${(own / best).toFixed(2)}x`;
      return [key, variant, `${(best * 1000).toFixed(2)} ms`, (flops / best / 1e9).toFixed(1), gain];
    });
  const changed = tuned.filter(({ variant, preferred }) => variant !== preferred).length;
  return [
    table([["operation and shape", "fastest", "time", "GFLOP/s", "against the default"], ...rows]),
    "",
    `${tuned.length} shapes on ${adapter}; ${changed} now differ from the default. Kept in ${file}`,
  ].join("\n");
}
