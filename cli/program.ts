import { Command, CommanderError } from "commander";
import { GpuError, UserError } from "../engine/errors.js";
import { packageVersion } from "../pipeline/run/version.js";
import type { Actions } from "./actions.js";
import { addAdapters } from "./adapters.js";
import { addClassMap } from "./classmap.js";
import { addConfig, addConfigs } from "./config.js";
import { addDetect } from "./detect.js";
import { addDoctor } from "./doctor.js";
import { addEvaluate } from "./evaluate.js";
import { addExperiment } from "./experiment.js";
import { addFigures } from "./figures.js";
import { addImport } from "./import.js";
import { Interrupted } from "./interrupt.js";
import { addPredict } from "./predict.js";
import { addProfile } from "./profile.js";
import { addReport } from "./report.js";
import { addResume } from "./resume.js";
import { addScore } from "./score.js";
import { type Io, Session } from "./session.js";
import { addSummary } from "./summary.js";
import { addSynth } from "./synth.js";
import { addTable } from "./table.js";
import { addTimecourse } from "./timecourse.js";
import { addTrain } from "./train.js";
import { addTune } from "./tune.js";

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C, 143 stopped by `kill`. */
const failed = 1;
const wrongUsage = 2;

/**
 * Runs one command.
 * @param args the arguments without `node` and the script
 * @returns the exit code
 */
export async function runCli(args: readonly string[], io: Io, actions: Actions): Promise<number> {
  const session = new Session(io, actions);
  session.json = args.includes("--json");
  try {
    await buildProgram(session).parseAsync(args, { from: "user" });
    session.progress.finish();
    return session.code;
  } catch (error) {
    session.progress.finish();
    return fail(error, session);
  }
}

function buildProgram(session: Session): Command {
  const { stdout, stderr } = session.io;
  const program: Command = new Command("equipoise")
    .description("Train an image classifier from few, imbalanced labels on any GPU.")
    .version(packageVersion(), "-V, --version", "print the version")
    .option("--json", "write the result as one JSON document")
    .option("--debug", "show where an error comes from")
    .configureHelp({
      showGlobalOptions: true,
      // Not those of a command that this one lies below, such as those of "profile" for "profile compare".
      visibleGlobalOptions: (command) => (command === program ? [] : program.options.filter(({ hidden }) => !hidden)),
    })
    .showHelpAfterError("(add --help to see the commands and options)")
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride()
    .hook("preAction", (_, command) => {
      session.json = command.optsWithGlobals().json === true;
      session.debug ||= command.optsWithGlobals().debug === true;
    });
  const commands = [
    addDoctor,
    addAdapters,
    addSynth,
    addImport,
    addDetect,
    addTrain,
    addResume,
    addEvaluate,
    addPredict,
    addClassMap,
    addTimecourse,
    addScore,
    addReport,
    addExperiment,
    addTable,
    addFigures,
    addSummary,
    addTune,
    addProfile,
  ];
  for (const add of [...commands, addConfigs, addConfig]) add(program, session);
  return program;
}

/** Says what went wrong, in one line unless `--debug` asks for more; with `--json` also as the JSON document. */
function fail(error: unknown, session: Session): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    const message = error.message.replace(/^error: /, "");
    if (session.json) writeError(session, "UsageError", error.code === "commander.help" ? "no command given" : message);
    return wrongUsage;
  }
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const expected = error instanceof UserError || error instanceof GpuError || error instanceof Interrupted;
  if (error instanceof Interrupted) session.say(message);
  else session.say(expected ? `error: ${message}` : `error: unexpected ${name}: ${message}`);
  if (session.debug && stack !== undefined) session.say(stack);
  else if (!expected) session.say("run the command again with --debug to see where it comes from");
  if (session.json) writeError(session, name, message);
  return error instanceof Interrupted ? error.exitCode : failed;
}

function writeError(session: Session, name: string, message: string): void {
  session.io.stdout.write(`${JSON.stringify({ error: { name, message } }, null, 2)}\n`);
}
