import type { EngineName } from "../cases.js";
import type { RunOptions } from "../options.js";
import { findEngine } from "./engines.js";
import type { Contestant } from "./measure.js";
import { EngineProcess } from "./process.js";

export type Started = Contestant;

export interface Absent {
  readonly engine: EngineName;
  readonly reason: string;
}

const openSeconds = 120;

/** Engines that are not there, with what to do. */
export function findAbsent(engines: readonly EngineName[]): Absent[] {
  return engines.flatMap((engine) => {
    const found = findEngine(engine);
    return "absent" in found ? [{ engine, reason: found.absent }] : [];
  });
}

/** Starts what is there. Engines on WebGPU must have taken our adapter. */
export async function startEngines(
  options: Pick<RunOptions, "engines" | "adapter" | "cases">,
  log: (line: string) => void,
): Promise<{ engines: Started[]; failed: Absent[] }> {
  const [engines, failed]: [Started[], Absent[]] = [[], []];
  for (const engine of options.engines) {
    const found = findEngine(engine);
    if ("absent" in found) continue;
    const process = new EngineProcess(engine, found.launch);
    try {
      const {
        adapter = "",
        driver = "",
        version = "",
      } = await process.request("open", { adapter: options.adapter }, openSeconds);
      const other = engines.find((e) => isWebGpu(e.engine) && isWebGpu(engine) && e.adapter !== adapter);
      if (other) throw new Error(`it took the adapter "${adapter}", ${other.engine} "${other.adapter}"`);
      engines.push({ engine, process, adapter, driver, version });
      log(`${engine} ${version} on ${adapter}${driver ? ` (${driver})` : ""}`);
    } catch (error) {
      process.end("not needed");
      failed.push({ engine, reason: (error as Error).message });
    }
  }
  return { engines, failed };
}

function isWebGpu(engine: EngineName): boolean {
  return !engine.includes("-cpu");
}
