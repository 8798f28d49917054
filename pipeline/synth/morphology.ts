/**
 * From the latent state of a colony (developmental stage, dead cells) to the looks of its layers, and the settings of the
 * microscope on the day. Stage is one continuous axis, as in the dish: cells grow, flatten and spread, then neurons appear while the
 * layer below them retracts. The classes are regions of that axis, so neighbours on it really look alike at their border.
 */
import type { Rng } from "../../engine/rng.js";
import type { DeadCellsLook } from "./cells/dead.js";
import { drawDeadCells } from "./cells/dead.js";
import type { MonolayerLook } from "./cells/monolayer.js";
import { drawMonolayer } from "./cells/monolayer.js";
import type { NeuronsLook } from "./cells/neurons.js";
import { drawNeurons } from "./cells/neurons.js";
import { mix, ramp } from "./fields.js";
import type { Optics } from "./optics.js";
import type { SynthClass, SynthParameters } from "./parameters.js";
import type { Area, Specimen } from "./specimen.js";

/** Latent state of one area of a colony. */
export interface CellState {
  /** 0 = pluripotent, 1 = neuron. */
  readonly stage: number;
  /** Share of the area that dead cells would cover side by side. */
  readonly dead: number;
}

export interface Look {
  readonly monolayer: MonolayerLook;
  readonly neurons: NeuronsLook;
  readonly dead: DeadCellsLook;
}

/** Draws the latent state of an area of a class. */
export function drawState(name: SynthClass, parameters: SynthParameters, rng: Rng): CellState {
  const [stage, stageSpread] = parameters.stage[name];
  const [dead, deadSpread] = parameters.dead[name];
  return {
    stage: Math.min(Math.max(stage + stageSpread * rng.normal(), 0), 1),
    dead: Math.min(Math.exp(dead + deadSpread * rng.normal()), 1.6),
  };
}

/** Looks of a state, with the variation between colonies. `scale` converts lengths at 0.8 um per pixel to pixels. */
export function lookOf(state: CellState, scale: number, rng: Rng): Look {
  const { stage, dead } = state;
  const vary = (spread: number) => Math.exp(spread * rng.normal());
  const spreading = ramp(0.05, 0.75, stage);
  const differentiating = ramp(0.6, 0.95, stage);
  const dying = Math.min(dead, 1);
  return {
    monolayer: {
      spacing: scale * Math.exp(mix(Math.log(6.5), Math.log(23), spreading)) * vary(0.12),
      thickness: mix(0.85, 0.3, spreading) * mix(1, 0.6, differentiating) * vary(0.2),
      unevenness: mix(0.12, 0.95, spreading) * vary(0.15),
      contact: mix(0.5, 0.6, spreading),
      gaps: Math.min(mix(-0.02, 0.16, spreading) * vary(0.5) + 0.5 * differentiating + 0.5 * dying * dying, 0.95),
      nucleus: mix(0.2, 0.26, spreading) * vary(0.2),
      granules: mix(0.04, 0.055, spreading) * vary(0.2),
    },
    neurons: {
      density: (9 * differentiating * vary(0.35)) / (scale * scale),
      radius: 6.8 * scale * vary(0.12),
      thickness: 0.8 * vary(0.1),
      length: 70 * scale * mix(0.5, 1, differentiating) * vary(0.2),
      width: Math.max(0.95 * scale, 0.75),
      fibre: 0.46 * vary(0.2),
    },
    dead: {
      cover: dead,
      radius: 5.6 * scale * vary(0.15),
      spread: 0.22,
      thickness: 5 * vary(0.15),
      groupSize: 1 + 9 * dying,
    },
  };
}

/** Draws all layers of a look over one area. */
export function drawCells(specimen: Specimen, area: Area, look: Look, rng: Rng): void {
  drawMonolayer(specimen, area, look.monolayer, rng);
  drawNeurons(specimen, area, look.neurons, rng);
  drawDeadCells(specimen, area, look.dead, rng);
}

/** Draws the settings of the microscope for one picture. */
export function drawOptics(scale: number, rng: Rng): Optics {
  const z = rng.normal();
  return {
    halo: 11 * scale * Math.exp(0.2 * rng.normal()),
    ring: 0.62 * Math.exp(0.08 * rng.normal()),
    visibility: Math.min(0.62 * Math.exp(0.12 * rng.normal()), 1),
    blur: Math.hypot(0.55, 0.6 * z) * scale,
    defocus: 0.12 * z,
    background: 122 * Math.exp(0.08 * rng.normal()),
    slopeX: 0.06 * rng.normal(),
    slopeY: 0.06 * rng.normal(),
    falloff: 0.04 * Math.abs(rng.normal()),
    photons: 7 * Math.exp(0.6 * rng.normal()),
    readNoise: 1 + 1.5 * rng.uniform(),
  };
}
