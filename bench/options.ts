import { Command, InvalidArgumentError } from "commander";
import { UserError } from "../engine/errors.js";
import { type BenchCase, benchCases, type EngineName, engineNames } from "./cases.js";

/** What `npm run bench` shall do. */
export interface RunOptions {
  readonly cases: readonly BenchCase[];
  readonly engines: readonly EngineName[];
  readonly samples: number;
  readonly budget: number;
  readonly adapter: string | null;
  readonly json: string | null;
  readonly chart: string | null;
}

export interface CompareOptions {
  readonly before: string;
  readonly after: string;
  /** The narrowest noise band, a share. */
  readonly band: number;
}

/** What the command line calls. */
export interface Actions {
  run(options: RunOptions): Promise<number>;
  compare(options: CompareOptions): number;
  /** Where help and lists are written. */
  write(text: string): void;
  /** Where what is wrong with the command line is written. */
  complain(text: string): void;
}

interface RunFlags {
  only?: string[];
  engines?: string[];
  samples: number;
  budget: number;
  adapter?: string;
  json?: string;
  chart?: string;
  list?: boolean;
}

/**
 * Reads the command line and does what it says.
 * @returns the exit code
 * @throws UserError for unknown names; CommanderError for unknown options and after `--help`
 */
export async function runCommandLine(args: readonly string[], actions: Actions): Promise<number> {
  let code = 0;
  const program = new Command("npm run bench --")
    .description(
      "Times Equipoise and other engines on the same adapter, taking turns; results are compared before times count.",
    )
    .option("--only <cases>", "names of cases, separated by commas (default: all)", names)
    .option("--engines <names>", `engines, of ${engineNames.join(", ")} (default: all that are there)`, names)
    .option("--samples <n>", "samples of each engine and case, at least 5", wholeNumber(5), 7)
    .option("--budget <seconds>", "time of one engine for one case; it ends early after five samples", seconds, 20)
    .option("--adapter <name>", "part of the name of the WebGPU adapter to take")
    .option("--json <file>", "write the records to a file")
    .option("--chart <file>", "write a bar chart to a file, SVG")
    .option("--list", "list the cases and end")
    .addHelpText("after", `\nCases:\n${caseList()}\n\ndocs/bench.md tells how to read the results.`)
    .action(async (flags: RunFlags) => {
      if (flags.list) actions.write(`${caseList()}\n`);
      else code = await actions.run(runOptions(flags));
    });
  program
    .command("compare")
    .description("Compares two files of --json; exit code 1 where a case became slower by more than the noise.")
    .argument("<old>", "records of before")
    .argument("<new>", "records of now")
    .option("--band <percent>", "the narrowest noise band", percent, 5)
    .action((before: string, after: string, { band }: { band: number }) => {
      code = actions.compare({ before, after, band: band / 100 });
    });
  for (const command of [program, ...program.commands])
    command
      .exitOverride()
      .configureOutput({ writeOut: (text) => actions.write(text), writeErr: (text) => actions.complain(text) });
  await program.parseAsync([...args], { from: "user" });
  return code;
}

function runOptions(flags: RunFlags): RunOptions {
  const engines = flags.engines ? flags.engines.map(engineNamed) : engineNames;
  return {
    cases: flags.only ? pick(flags.only) : benchCases,
    // Ours goes first: the others' results are compared with its.
    engines: engineNames.filter((name) => engines.includes(name)),
    samples: flags.samples,
    budget: flags.budget,
    adapter: flags.adapter ?? null,
    json: flags.json ?? null,
    chart: flags.chart ?? null,
  };
}

/** Cases by name, in the order of the list. @throws UserError naming the unknown one and all there are */
function pick(wanted: readonly string[]): BenchCase[] {
  const unknown = wanted.find((name) => !benchCases.some((c) => c.name === name));
  if (unknown !== undefined)
    throw new UserError(`--only: there is no case "${unknown}": choose of ${benchCases.map((c) => c.name).join(", ")}`);
  return benchCases.filter((c) => wanted.includes(c.name));
}

function engineNamed(name: string): EngineName {
  const found = engineNames.find((engine) => engine === name);
  if (!found) throw new UserError(`--engines: there is no engine "${name}": choose of ${engineNames.join(", ")}`);
  return found;
}

function caseList(): string {
  const width = Math.max(...benchCases.map((c) => c.name.length));
  return benchCases.map((c) => `  ${c.name.padEnd(width)}  ${c.title}`).join("\n");
}

function names(text: string): string[] {
  const list = text.split(",").filter((name) => name !== "");
  if (list.length === 0) throw new InvalidArgumentError("Give one name or more.");
  return list;
}

const wholeNumber = (least: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new InvalidArgumentError(`Give a whole number from ${least}.`);
  return value;
};

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Give a number of seconds above 0.");
  return value;
}

function percent(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError("Give a number from 0.");
  return value;
}
