import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { benchCases, engineNames } from "../../bench/cases.js";
import { type CompareOptions, type RunOptions, runCommandLine } from "../../bench/options.js";
import { UserError } from "../../engine/errors.js";

async function parsed(...args: string[]) {
  const runs: RunOptions[] = [];
  const compares: CompareOptions[] = [];
  let text = "";
  const actions = {
    run: async (options: RunOptions) => runs.push(options),
    compare: (options: CompareOptions) => 7 * compares.push(options),
    write: (part: string) => {
      text += part;
    },
    complain: () => {},
  };
  const outcome = await runCommandLine(args, actions).catch((error: unknown) => error);
  return { outcome, run: runs[0], compare: compares[0], text };
}

test("without arguments all cases and engines are measured, seven samples each", async () => {
  const { run } = await parsed();
  expect(run?.cases).toEqual(benchCases);
  expect(run?.engines).toEqual(engineNames);
  expect(run).toMatchObject({ samples: 7, budget: 20, adapter: null, json: null, chart: null });
});

test("names restrict cases and engines, in the order of the lists: ours goes first", async () => {
  const { run } = await parsed("--only", "copy,gemm-512,peak-fma", "--engines=jax-js,equipoise", "--json", "out.json");
  expect(run?.cases.map(({ name }) => name)).toEqual(["peak-fma", "copy", "gemm-512"]);
  expect(run?.engines).toEqual(["equipoise", "jax-js"]);
  expect(run?.json).toBe("out.json");
});

test.each([
  [["--only", "gemm-513"], /no case "gemm-513".*gemm-512/],
  [["--engines", "tfjs"], /no engine "tfjs".*tfjs-webgpu/],
])("an unknown name is named with what there is: %j", async (args, message) => {
  const { outcome, run } = await parsed(...args);
  expect(outcome).toBeInstanceOf(UserError);
  expect((outcome as Error).message).toMatch(message);
  expect(run).toBeUndefined();
});

test.each([
  [["--samples", "4"], /whole number from 5/],
  [["--samples", "many"], /whole number from 5/],
  [["--budget", "0"], /above 0/],
  [["--only", ","], /one name or more/],
  [["compare", "a.json"], /missing required argument 'new'/],
  [["compare", "a.json", "b.json", "--band", "-1"], /from 0/],
])("%j is wrong usage", async (args, message) => {
  const { outcome, run, compare } = await parsed(...args);
  expect(outcome).toBeInstanceOf(CommanderError);
  expect((outcome as Error).message).toMatch(message);
  expect(run ?? compare).toBeUndefined();
});

test("compare takes two files and a band, and its exit code counts", async () => {
  const { outcome, compare } = await parsed("compare", "old.json", "new.json", "--band", "10");
  expect(compare).toEqual({ before: "old.json", after: "new.json", band: 0.1 });
  expect(outcome).toBe(7);
});

test("help and list name every case and end without measuring", async () => {
  const help = await parsed("--help");
  expect(help.outcome).toMatchObject({ exitCode: 0 });
  const list = await parsed("--list");
  expect(list.run).toBeUndefined();
  for (const { name, title } of benchCases) {
    expect(help.text).toContain(name);
    expect(list.text).toContain(`${title}\n`);
  }
});
