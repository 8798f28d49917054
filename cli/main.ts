#!/usr/bin/env node
import { createInterface } from "node:readline/promises";
import { actions } from "./lazyActions.js";
import { runCli } from "./program.js";

/** Asks on the terminal; only `y` and `yes` mean yes. */
async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

// A reader that has seen enough (`equipoise config reference | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// Node ends a program that waits for something nobody does any more, and says nothing.
const unsettled = 13;
process.once("exit", () => {
  if (process.exitCode !== unsettled) return;
  process.stderr.write(
    "error: equipoise ended before its work was done: a fault of equipoise, please report the command and what it printed. " +
      "Give the command again; a run that has begun goes on with --resume\n",
  );
});

const interactive = process.stdin.isTTY && process.stderr.isTTY;
const io = { stdout: process.stdout, stderr: process.stderr, ask: interactive ? ask : null, env: process.env };
process.exitCode = await runCli(process.argv.slice(2), io, actions);
