import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ConfigRequest, resolveConfig } from "../../../pipeline/config/resolve.js";
import type { Config } from "../../../pipeline/config/schema.js";
import type { RunLog, RunProgress } from "../../../pipeline/run/types.js";

const main = fileURLToPath(new URL("../../../dist/node/cli/main.js", import.meta.url));

/** Settings of a run of seconds: 3 + 3 steps of pre-training, 3 + 3 of the teacher-student phase, 3 of fine-tuning. */
export const quick = [
  "width=0.0625",
  "batch=4",
  "data.labelledFraction=0.2",
  "data.folds=4",
  "pretrain.epochs=2",
  "train.epochs=2",
  "train.stepsPerEpoch=3",
  "finetune.epochs=1",
  "logEvery=2",
  "cacheMegabytes=16",
];

/** A small configuration, decoding in this thread; `set` wins over {@link quick}. */
export function quickConfig(request: ConfigRequest = {}): Config {
  const set = [...quick, "workers=0", ...(request.set ?? [])];
  return resolveConfig({ config: "ipb-vgg", preset: "tiny", seed: 1, ...request, set });
}

/** Arguments of `train` for the same settings. */
export function trainArguments(data: string, out: string, set: readonly string[] = []): string[] {
  const settings = [...quick, ...set].flatMap((text) => ["--set", text]);
  return ["train", "--data", data, "--out", out, "--preset", "tiny", "--seed", "1", ...settings];
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Seconds from the last output to the end of the process. */
  lingered: number;
}

/** A process of the built command line; `child` for signals, `stderr()` for what it has written so far. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const written = { stdout: "", stderr: "" };
  let spoke = performance.now();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      spoke = performance.now();
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => {
      resolve({ code, signal, ...written, lingered: (performance.now() - spoke) / 1000 });
    });
  });
  return { child, ended, stderr: () => written.stderr };
}

/** Runs a command to its end. */
export function cli(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
  return startCli(args, env).ended;
}

/** A log that keeps what it is told. */
export class KeptLog implements RunLog {
  readonly infos: string[] = [];
  readonly warnings: string[] = [];
  readonly questions: string[] = [];
  constructor(private readonly onProgress: (update: RunProgress) => void = () => {}) {}
  info(text: string): void {
    this.infos.push(text);
  }
  warn(text: string): void {
    this.warnings.push(text);
  }
  progress(update: RunProgress): void {
    this.onProgress(update);
  }
  async confirm(question: string): Promise<boolean> {
    this.questions.push(question);
    return true;
  }
}

export type MetricsLine = { kind: string; step?: number; epoch: number } & Record<string, unknown>;

/** The lines of a run's metrics, without what depends on the clock. */
export function metricsOf(run: string): MetricsLine[] {
  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").split("\n").slice(0, -1);
  return lines.map((line) => {
    const { seconds: _, hostShare: _share, ...rest } = JSON.parse(line) as MetricsLine;
    return rest as MetricsLine;
  });
}

export function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Digests of what a run learnt, by role: all tensors, not the metadata, which hold the configuration. */
export function weightsOf(run: string, roles: readonly string[] = ["student", "teacher"]): Record<string, string> {
  return Object.fromEntries(roles.map((role) => [role, tensorsDigest(join(run, "weights", `${role}.safetensors`))]));
}

function tensorsDigest(file: string): string {
  const bytes = readFileSync(file);
  const data = 8 + Number(bytes.readBigUInt64LE());
  const { __metadata__: _, ...tensors } = JSON.parse(bytes.toString("utf8", 8, data)) as Record<string, unknown>;
  return createHash("sha256").update(JSON.stringify(tensors)).update(bytes.subarray(data)).digest("hex");
}

/** Waits until `condition` holds, looking every few milliseconds. */
export async function until(condition: () => boolean, what: string, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
