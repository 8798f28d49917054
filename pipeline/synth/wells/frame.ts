/** One frame of a well: its colonies and floating cells as optical phase, then the microscope's picture of all of it. */
import { Rng } from "../../../engine/rng.js";
import { colonyMask } from "../mask.js";
import { type CellState, drawCells, drawOptics, lookOf } from "../morphology.js";
import { type Optics, takePicture } from "../optics.js";
import { MULTI_LABEL, type SynthFolder, type SynthParameters } from "../parameters.js";
import { createOutline, divideOutline, wholeArea } from "../shape.js";
import { type Area, createSpecimen, type Specimen, sphere, stampEllipse } from "../specimen.js";
import { type ColonyHistory, classOf } from "./history.js";

/** The truth about one colony of a frame. The box is half-open. */
export interface FrameColony {
  readonly id: number;
  readonly class: SynthFolder;
  readonly parts: readonly (CellState & { readonly share: number; readonly class: SynthFolder })[];
  readonly minRow: number;
  readonly minCol: number;
  readonly maxRow: number;
  readonly maxCol: number;
  /** px */
  readonly area: number;
  readonly touchesBorder: boolean;
}

export interface Frame {
  /** 8-bit grey, row-major. */
  readonly pixels: Uint8Array;
  /** Colony ids, 0 = none. */
  readonly ids: Uint8Array;
  readonly colonies: FrameColony[];
}

export interface FrameRequest {
  readonly seed: number;
  readonly well: string;
  readonly hour: number;
  /** Side of the picture, px. */
  readonly size: number;
  readonly parameters: SynthParameters;
}

/** Room around an outline for axons that leave it, pixels. */
const MARGIN = 40;

/** How far beyond the outline's box cells are drawn, pixels: a ragged colony's outermost ones reach that far. */
const BRIM = 12;

/** Draws a colony into a specimen of its own. */
function drawColony(
  colony: ColonyHistory,
  { seed, hour }: FrameRequest,
): { specimen: Specimen; x0: number; y0: number } {
  const [boxWidth, boxHeight] = colony.size(hour).map(Math.round) as [number, number];
  const [width, height] = [boxWidth + 2 * MARGIN, boxHeight + 2 * MARGIN];
  const states = colony.areas.map((area) => area.state(hour));
  const roughness = 0.08 + 0.25 * Math.max(...states.map(({ stage }) => stage));
  const outline = createOutline(width, height, MARGIN, roughness, new Rng(seed, `${colony.stream} outline`));
  const specimen = createSpecimen(width, height);
  const shares = colony.areas.map(({ share }) => share);
  const areas =
    states.length === 1
      ? [wholeArea(outline, width, height)]
      : divideOutline(outline, width, height, shares, new Rng(seed, `${colony.stream} division`));
  const brim = MARGIN - BRIM;
  const box = { x0: brim, y0: brim, x1: width - brim, y1: height - brim };
  areas.forEach((area, i) => {
    const inner: Area = { owner: area.owner, box, depth: area.depth };
    // The same random numbers in every frame: what changes from hour to hour follows from the state.
    const look = lookOf(states[i]!, 1, new Rng(seed, `${colony.stream} look ${i}`));
    drawCells(specimen, inner, look, new Rng(seed, `${colony.stream} cells ${i}`));
  });
  const [x, y] = colony.centre(hour);
  return { specimen, x0: Math.round(x - width / 2), y0: Math.round(y - height / 2) };
}

/** Adds a colony's phase to the well, and its mask where no other colony is. @returns box and area of what lies in the picture */
function place(scene: Specimen, colony: Specimen, x0: number, y0: number, id: number) {
  const mask = colonyMask(colony, 3, 400);
  const found = { minRow: scene.height, minCol: scene.width, maxRow: 0, maxCol: 0, area: 0 };
  for (let row = Math.max(0, -y0); row < Math.min(colony.height, scene.height - y0); row++) {
    for (let column = Math.max(0, -x0); column < Math.min(colony.width, scene.width - x0); column++) {
      const at = row * colony.width + column;
      const [y, x] = [y0 + row, x0 + column];
      const to = y * scene.width + x;
      scene.phase[to] = scene.phase[to]! + colony.phase[at]!;
      if (mask[at] === 0 || scene.owner[to] !== 0) continue;
      scene.owner[to] = id;
      found.area++;
      found.minRow = Math.min(found.minRow, y);
      found.maxRow = Math.max(found.maxRow, y + 1);
      found.minCol = Math.min(found.minCol, x);
      found.maxCol = Math.max(found.maxCol, x + 1);
    }
  }
  return found;
}

/** Single dead cells and fragments that float by, more of them every hour. They belong to no colony. */
function drawFloating(scene: Specimen, { seed, well, hour, size }: FrameRequest): void {
  const rng = new Rng(seed, `wells ${well} floating`);
  const density = 60 * Math.exp(0.5 * rng.normal()) * (size / 2908) ** 2;
  const count = Math.round(density * (1 + hour / 24));
  for (let i = 0; i < count; i++) {
    const own = new Rng(seed, `wells ${well} floating ${i}`);
    const [vx, vy] = [3 * own.normal(), 3 * own.normal()];
    const wrap = (value: number) => ((value % size) + size) % size;
    const [x, y] = [wrap(size * own.uniform() + vx * hour), wrap(size * own.uniform() + vy * hour)];
    const radius = own.uniform() < 0.5 ? 2 + 2 * own.uniform() : 4.5 + 2 * own.uniform();
    const ellipse = { x, y, a: radius * (1 + 0.3 * own.uniform()), b: radius, angle: Math.PI * own.uniform() };
    stampEllipse(scene, ellipse, 1 + 3.5 * own.uniform(), sphere, 0);
  }
}

/** The microscope of one well; lamp and focus move a little from frame to frame. */
function wellOptics({ seed, well, hour }: FrameRequest): Optics {
  const rng = new Rng(seed, `wells ${well} optics`);
  const base = drawOptics(1, rng);
  const uneven = {
    slopeX: 0.08 * rng.normal(),
    slopeY: 0.08 * rng.normal(),
    falloff: 0.06 + 0.05 * Math.abs(rng.normal()),
  };
  const own = new Rng(seed, `wells ${well} optics ${hour}`);
  return {
    ...base,
    ...uneven,
    background: base.background * Math.exp(0.01 * own.normal()),
    blur: base.blur * Math.exp(0.08 * own.normal()),
    defocus: base.defocus + 0.02 * own.normal(),
  };
}

/** Draws one frame; `colonies` are those of the well (`planWell`). Colonies of which nothing lies in the picture are left out of the truth. */
export function drawFrame(colonies: readonly ColonyHistory[], request: FrameRequest): Frame {
  const { seed, well, hour, size, parameters } = request;
  const scene = createSpecimen(size, size);
  const seen: FrameColony[] = [];
  for (const colony of colonies) {
    const { specimen, x0, y0 } = drawColony(colony, request);
    const found = place(scene, specimen, x0, y0, colony.id);
    if (found.area === 0) continue;
    const parts = colony.areas.map(({ share, state }) => ({
      ...state(hour),
      share,
      class: classOf(state(hour), parameters),
    }));
    const classes = new Set(parts.map((part) => part.class));
    const touchesBorder = found.minRow === 0 || found.minCol === 0 || found.maxRow === size || found.maxCol === size;
    seen.push({
      id: colony.id,
      class: classes.size > 1 ? MULTI_LABEL : parts[0]!.class,
      parts,
      ...found,
      touchesBorder,
    });
  }
  drawFloating(scene, request);
  const pixels = takePicture(scene, wellOptics(request), new Rng(seed, `wells ${well} noise ${hour}`));
  return { pixels, ids: scene.owner, colonies: seen };
}
