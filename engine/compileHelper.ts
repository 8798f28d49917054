import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { PipelineRequest } from "./pipelines.js";
import type { CompileElsewhere } from "./warmUp.js";

/** Which device a helper opens, so that its kernels are the same. */
export interface HelperDevice {
  readonly adapter?: string;
  readonly subgroups?: boolean;
  readonly dawn?: readonly string[];
}

/** A kernel by its name, for the helper. */
export interface HelperRequest {
  readonly kernel: string;
  readonly constants: PipelineRequest["constants"];
  readonly params: PipelineRequest["params"];
}

const mostHelpers = 3;

/**
 * Compiles kernels in further processes, one per core that is free: a driver on the CPU compiles one kernel at a time in a
 * process, and finds in its disk cache what another process has compiled. Null where there is no free core, or where this module
 * does not run from the built package.
 */
export function compileHelpers(device: HelperDevice): CompileElsewhere | null {
  const entry = fileURLToPath(new URL("./compileProcess.js", import.meta.url));
  const helpers = Math.min(mostHelpers, availableParallelism() - 1);
  if (helpers < 1 || !existsSync(entry)) return null;
  return async (take, onDone) => {
    await Promise.all(Array.from({ length: helpers }, () => help(entry, device, take, onDone)));
  };
}

/** One process. Whatever ends it early leaves its work to the caller, who compiles what the cache does not hold. */
function help(
  entry: string,
  device: HelperDevice,
  take: () => PipelineRequest | undefined,
  onDone: (request: PipelineRequest) => void,
): Promise<void> {
  const child = fork(entry, [JSON.stringify(device)], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  let current: PipelineRequest | undefined;
  return new Promise((resolve) => {
    const end = () => {
      if (current) onDone(current);
      current = undefined;
      resolve();
    };
    child.on("error", end);
    child.on("exit", end);
    child.on("message", () => {
      if (current) onDone(current);
      current = take();
      if (current) send(child, current);
      else child.disconnect();
    });
  });
}

function send(child: ChildProcess, { kernel, constants, params }: PipelineRequest): void {
  const message: HelperRequest = { kernel: kernel.name, constants, params };
  // A child that has gone is noticed by its "exit".
  child.send(message, () => {});
}
