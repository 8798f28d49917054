import type { BenchCase, EngineName } from "../cases.js";
import type { Availability } from "./engines.js";
import type { Exchange } from "./inputs.js";
import type { MeasureOptions, Outcome } from "./measure.js";
import { EngineProcess, type Launch } from "./process.js";
import { recordOf } from "./record.js";

const seconds = 120;

/**
 * The first step of fresh processes, compilation included. Mesa keeps compiled shaders in a folder: an empty one for each sample
 * (`cold`), or one that a process before has filled (`warm`). Other drivers keep theirs where this does not reach.
 */
export async function firstSteps(
  benchCase: BenchCase,
  engine: EngineName,
  found: Availability,
  exchange: Exchange,
  { samples }: MeasureOptions,
): Promise<Outcome> {
  if ("absent" in found) return { engine, failed: found.absent };
  const inputs = exchange.inputs(benchCase);
  const kept = exchange.fresh();
  const cache = () => (benchCase.process === "cold" ? exchange.fresh() : kept);
  const samplesMs: number[] = [];
  let opened = { adapter: "", driver: "", version: "" };
  try {
    if (benchCase.process === "warm") await oneProcess(benchCase, engine, found.launch, inputs, cache());
    for (let i = 0; i < samples; i++) {
      const { ms, ...info } = await oneProcess(benchCase, engine, found.launch, inputs, cache());
      samplesMs.push(ms);
      opened = info;
    }
  } catch (error) {
    return { engine, failed: (error as Error).message };
  } finally {
    exchange.forget(benchCase);
  }
  const work = { flops: null, bytes: null };
  return { engine, record: recordOf({ case: benchCase.name, engine, ...opened }, samplesMs, work, {}) };
}

async function oneProcess(
  { name, kind, sizes, inputs: shapes }: BenchCase,
  engine: EngineName,
  launch: Launch,
  inputs: Record<string, string>,
  cache: string,
): Promise<{ ms: number; adapter: string; driver: string; version: string }> {
  const env = { ...process.env, MESA_SHADER_CACHE_DIR: cache };
  const child = new EngineProcess(engine, { ...launch, env });
  try {
    const { adapter = "", driver = "", version = "" } = await child.request("open", { adapter: null }, seconds);
    await child.request("prepare", { spec: { name, kind, sizes, inputs: shapes }, inputs, output: null }, seconds);
    const { ms = Number.NaN } = await child.request("run", { calls: 1 }, seconds);
    await child.close();
    return { ms, adapter, driver, version };
  } finally {
    child.end("not needed");
  }
}
