import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { synthParameters } from "../../pipeline/synth/index.js";
import { drawFrame } from "../../pipeline/synth/wells/frame.js";
import { planWell } from "../../pipeline/synth/wells/history.js";
import type { BenchCase } from "../cases.js";

/**
 * The values of a case's input: the same in every run. Images and gradients lie in [-1,1), weights are scaled so that activations
 * keep their size, `labels` are classes, a `well` is a synthetic one (grey values).
 */
export function inputValues(benchCase: Pick<BenchCase, "sizes">, name: string, shape: readonly number[]): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  if (name === "well") return wellValues(shape[0] as number);
  const values = new Float32Array(size);
  if (/^bias/.test(name)) return values;
  let state = [...name].reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) >>> 0, 2166136261);
  const classes = benchCase.sizes.classes ?? 1;
  const scale = /^(weight|conv|dense)/.test(name) ? Math.sqrt(3 / shape.slice(0, -1).reduce((a, b) => a * b, 1)) : 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const unit = (state >>> 8) / 2 ** 24;
    if (name === "labels") values[i] = Math.floor(unit * classes);
    else if (name.startsWith("gamma")) values[i] = 0.5 + unit;
    else if (name.startsWith("beta")) values[i] = 0.5 * unit - 0.25;
    else values[i] = (2 * unit - 1) * scale;
  }
  return values;
}

const wells = new Map<number, Float32Array>();

/** The middle of a synthetic sequence, drawn once. @param size width and height, px */
function wellValues(size: number): Float32Array {
  const [seed, well, hour] = [1, "A01", 24];
  const known = wells.get(size);
  if (known) return known;
  const frame = drawFrame(planWell(seed, well, size, 48), { seed, well, hour, size, parameters: synthParameters });
  const values = Float32Array.from(frame.pixels);
  wells.set(size, values);
  return values;
}

/** Files that the engines' processes share: inputs and results of one case. */
export class Exchange {
  private readonly folder = mkdtempSync(join(tmpdir(), "equipoise-bench-"));
  private readonly onExit = () => rmSync(this.folder, { recursive: true, force: true });

  constructor() {
    process.once("exit", this.onExit);
  }

  /** Writes the inputs of a case. @returns paths by name */
  inputs(benchCase: BenchCase): Record<string, string> {
    const folder = join(this.folder, benchCase.name);
    mkdirSync(folder, { recursive: true });
    const written = Object.entries(benchCase.inputs).map(([name, shape]) => {
      const path = join(folder, `${name}.f32`);
      const values = inputValues(benchCase, name, shape);
      writeFileSync(path, new Uint8Array(values.buffer));
      return [name, path];
    });
    return Object.fromEntries(written);
  }

  /** Where an engine leaves its result of a case. */
  output(benchCase: BenchCase, engine: string): string {
    return join(this.folder, benchCase.name, `result of ${engine}.f32`);
  }

  /** An empty folder for whatever a case needs. */
  fresh(): string {
    return mkdtempSync(join(this.folder, "cache-"));
  }

  forget(benchCase: BenchCase): void {
    rmSync(join(this.folder, benchCase.name), { recursive: true, force: true });
  }

  close(): void {
    process.off("exit", this.onExit);
    this.onExit();
  }
}
