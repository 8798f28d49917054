import { CommanderError } from "commander";
import { UserError } from "../engine/errors.js";
import { runBench } from "./bench.js";
import { compareFiles } from "./compare.js";
import { runCommandLine } from "./options.js";

/** `npm run bench`. Exit codes: 0 done, 1 a case of ours failed or became slower, 2 wrong usage. */

const write = (text: string) => void process.stdout.write(text);
const log = (line: string) => void process.stderr.write(`${line}\n`);

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// Ending by exit() lets go of the files that the engines share; their processes end with their input.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

try {
  process.exitCode = await runCommandLine(process.argv.slice(2), {
    run: (options) => runBench(options, write, log),
    compare: (options) => compareFiles(options, write),
    write,
    complain: (text) => void process.stderr.write(text),
  });
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof UserError) {
    log(`bench: ${error.message}`);
    process.exitCode = 2;
  } else throw error;
}
