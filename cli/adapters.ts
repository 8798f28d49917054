import type { Command } from "commander";
import { GpuError } from "../engine/errors.js";
import type { AdapterDetails } from "./actions.js";
import { table } from "./format.js";
import type { Session } from "./session.js";

/** `equipoise adapters`: the WebGPU adapters of this machine, the one used by default first. */
export function addAdapters(program: Command, session: Session): void {
  program
    .command("adapters")
    .description("list the WebGPU adapters; any part of a name can be given to --adapter")
    .action(async () => {
      const adapters = await session.actions.adapters();
      if (adapters.length === 0) {
        throw new GpuError(
          "no-adapter",
          `no WebGPU adapter found; "${session.command("doctor")}" says why and what to do`,
        );
      }
      session.result(adapters, describe(adapters));
    });
}

/** The features that the engine makes use of; `--json` has all. */
const notable = ["subgroups", "subgroup-size-control", "shader-f16", "timestamp-query"];

function describe(adapters: AdapterDetails[]): string {
  const rows = adapters.map((adapter) => [
    adapter.description || adapter.device || adapter.vendor,
    adapter.isCpu ? "CPU" : "GPU",
    `${Math.round(adapter.maxStorageBufferBindingSize / 2 ** 20)} MiB`,
    notable.filter((feature) => adapter.features.includes(feature)).join(" "),
  ]);
  return table([["adapter", "runs on", "largest tensor", "features"], ...rows]);
}
