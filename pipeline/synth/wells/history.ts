/**
 * What grows in a well: where each colony lies and its whole life, as smooth functions of time. Everything is a function of seed, well and
 * colony, so that any frame can be drawn without those before it.
 */
import { Rng } from "../../../engine/rng.js";
import { mix, ramp } from "../fields.js";
import type { CellState } from "../morphology.js";
import { type Gaussian, SYNTH_CLASSES, type SynthClass, type SynthParameters } from "../parameters.js";

/** Changes whenever the pictures of a seed change; the cells and the optics are those of `synthParameters`. */
export const wellsVersion = 2;

/** A 10x field of the paper, pixels of 0.8 um. */
export const wellSide = 2908;

/** How the colonies of a well end after two days, and their shares; composites are half one, half the other. */
const FATES = ["pluripotent", "spreading", "differentiating", "dying", "composite"] as const;
type Fate = (typeof FATES)[number];
const SHARES: Readonly<Record<Fate, number>> = {
  pluripotent: 0.2,
  spreading: 0.42,
  differentiating: 0.1,
  dying: 0.16,
  composite: 0.12,
};

/** Colonies of a full well at the start, on average. The paper's 720 wells hold 21,342 colonies: 30 each. */
const COLONIES = 30;

/** One area of a colony over time. Hours are frames. */
export interface AreaHistory {
  /** Share of the colony, 0 to 1. */
  readonly share: number;
  readonly state: (hour: number) => CellState;
}

export interface ColonyHistory {
  /** Its grey value in the truth mask, from 1. */
  readonly id: number;
  /** Centre of its box, pixels. */
  readonly centre: (hour: number) => readonly [number, number];
  /** Sides of its box, pixels. */
  readonly size: (hour: number) => readonly [width: number, height: number];
  /** One or two. */
  readonly areas: readonly AreaHistory[];
  /** Stream of its random numbers. */
  readonly stream: string;
}

/** A number's course from `from` to `to` between two hours, smooth-step. */
interface Course {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

const along = ({ from, to, start, end }: Course, hour: number) => mix(from, to, ramp(start, end, hour));

function drawFate(rng: Rng): Fate {
  let left = rng.uniform();
  for (const fate of FATES) {
    left -= SHARES[fate];
    if (left < 0) return fate;
  }
  return "spreading";
}

/** Life of one area. @param progress hours by which the whole well is ahead */
function drawLife(fate: Exclude<Fate, "composite">, progress: number, rng: Rng): (hour: number) => CellState {
  const deviate = (mean: number, spread: number) => mean + spread * rng.normal();
  const onset = deviate(6, 10) - progress;
  const ends = { pluripotent: 0.2, spreading: 0.48, differentiating: 0.94, dying: 0.4 };
  const slowness = { pluripotent: 60, spreading: 30, differentiating: 38, dying: 40 };
  const stage: Course = {
    from: Math.abs(deviate(0.08, 0.05)),
    to: deviate(ends[fate], 0.05),
    start: onset,
    end: onset + deviate(slowness[fate], 5),
  };
  const death = deviate(4, 16) - progress;
  const healthy = Math.exp(deviate(-4.8, 1));
  const dead: Course =
    fate === "dying"
      ? { from: 0.08, to: deviate(1.1, 0.2), start: death, end: death + deviate(16, 3) }
      : { from: healthy, to: healthy * 2, start: 0, end: 48 };
  return (hour) => ({
    stage: Math.min(Math.max(along(stage, hour), 0), 1),
    dead: Math.min(along(dead, hour), 1.6),
  });
}

function drawAreas(fate: Fate, progress: number, rng: Rng): AreaHistory[] {
  if (fate !== "composite") return [{ share: 1, state: drawLife(fate, progress, rng) }];
  const share = 0.35 + 0.3 * rng.uniform();
  const [first, second] =
    rng.uniform() < 0.54 ? (["differentiating", "spreading"] as const) : (["spreading", "pluripotent"] as const);
  return [
    { share, state: drawLife(first, progress, rng) },
    { share: 1 - share, state: drawLife(second, progress, rng) },
  ];
}

/** Everything about a colony but its place. */
function drawColony(fate: Fate, progress: number, rng: Rng) {
  const areas = drawAreas(fate, progress, rng);
  const relative = fate === "composite" ? 1.5 : fate === "dying" ? 0.85 : 1;
  const side = 105 * relative * Math.exp(0.33 * rng.normal());
  const aspect = Math.exp(0.15 * rng.normal());
  const growth = (fate === "dying" ? 0.25 : 0.75) * Math.exp(0.2 * rng.normal());
  const drift = [0.35 * rng.normal(), 0.35 * rng.normal()] as const;
  // Cells divide about once in two days per unit of `growth`, and those that spread take more room.
  const sideAt = (hour: number) => {
    const stage = Math.max(...areas.map((area) => area.state(hour).stage));
    return side * Math.exp((growth * hour) / 48) * (1 + 0.55 * Math.min(stage, 0.6));
  };
  return { areas, aspect, drift, sideAt };
}

/**
 * Colonies of one well, placed so that their outlines at the last hour stay 4 to 60 px apart; a colony that finds no place is left out.
 * @param size side of the well's picture, px @param hours number of frames
 */
export function planWell(seed: number, well: string, size: number, hours: number): ColonyHistory[] {
  const rng = new Rng(seed, `wells ${well}`);
  const progress = 4 + 10 * rng.normal();
  const expected = COLONIES * Math.exp(0.2 * rng.normal()) * (size / wellSide) ** 2;
  const wanted = Math.min(Math.max(Math.round(expected), 2), 255);
  const placed: { x: number; y: number; reach: number }[] = [];
  const colonies: ColonyHistory[] = [];
  for (let n = 0; n < wanted; n++) {
    const { areas, aspect, drift, sideAt } = drawColony(drawFate(rng), progress, rng);
    const last = Math.max(hours - 1, 1);
    const most = size * 0.6;
    const sides = (hour: number): [number, number] => {
      const side = sideAt(hour);
      return [Math.min(side * aspect, most), Math.min(side / aspect, most)];
    };
    const reach = Math.max(...sides(last)) * 0.6;
    const gap = 4 + 56 * rng.uniform();
    const place = findPlace(size, reach + gap, placed, rng);
    if (place === null) continue;
    placed.push({ ...place, reach: reach + gap });
    colonies.push({
      id: colonies.length + 1,
      centre: (hour) => [place.x + drift[0] * hour, place.y + drift[1] * hour],
      size: sides,
      areas,
      stream: `wells ${well} colony ${n}`,
    });
  }
  return colonies;
}

/** A point whose circle overlaps no other; it may reach over the picture's border. */
function findPlace(
  size: number,
  reach: number,
  placed: readonly { x: number; y: number; reach: number }[],
  rng: Rng,
): { x: number; y: number } | null {
  for (let attempt = 0; attempt < 300; attempt++) {
    const [x, y] = [size * rng.uniform(), size * rng.uniform()];
    if (placed.every((other) => Math.hypot(other.x - x, other.y - y) > other.reach + reach)) return { x, y };
  }
  return null;
}

/** The class to which a state belongs most likely, by the distributions that single colonies are drawn from. */
export function classOf({ stage, dead }: CellState, parameters: SynthParameters): SynthClass {
  const density = (value: number, [mean, spread]: Gaussian) => Math.exp(-(((value - mean) / spread) ** 2) / 2) / spread;
  const likelihood = (name: SynthClass) =>
    density(stage, parameters.stage[name]) * density(Math.log(Math.max(dead, 1e-6)), parameters.dead[name]);
  // Far from all means every density vanishes; the nearest mean decides there.
  const living = SYNTH_CLASSES.filter((name) => name !== "Debris");
  const nearest = living.toSorted(
    (a, b) => Math.abs(stage - parameters.stage[a][0]) - Math.abs(stage - parameters.stage[b][0]),
  )[0] as SynthClass;
  const best = SYNTH_CLASSES.toSorted((a, b) => likelihood(b) - likelihood(a))[0] as SynthClass;
  if (likelihood(best) > 1e-9) return best;
  return dead > 0.42 ? "Debris" : nearest;
}
