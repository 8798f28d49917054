/**
 * A layer of attached cells: small and evenly packed in a pluripotent colony, larger, flatter and more uneven once it spreads.
 * The cells are the Voronoi cells of a jittered hexagonal lattice, bent by smooth noise; each is a dome with grooves to its
 * neighbours, a nucleus with nucleoli, and granules.
 */
import type { Rng } from "../../../engine/rng.js";
import { createNoise, mix, type Noise, sampleNoise } from "../fields.js";
import { type Area, dome, type Specimen, stampEllipse } from "../specimen.js";

export interface MonolayerLook {
  /** Distance of neighbouring cell centres, pixels. */
  readonly spacing: number;
  /** Phase of a cell body, radians. */
  readonly thickness: number;
  /** 0 to about 1: how much thickness, size and outline vary from cell to cell and over the colony. */
  readonly unevenness: number;
  /** Thickness at the border of two cells over that of the body, 0 to 1. */
  readonly contact: number;
  /** Share of the cells that are missing, more of them near the rim. */
  readonly gaps: number;
  /** Phase of a nucleus, radians, on top of the body. */
  readonly nucleus: number;
  /** Phase of the granules (standard deviation), radians. */
  readonly granules: number;
}

/** The lattice of one layer: cells in rows of `columns`, odd rows shifted by half a spacing. */
interface Lattice {
  readonly x0: number;
  readonly y0: number;
  readonly columns: number;
  readonly rows: number;
  readonly pitchX: number;
  readonly pitchY: number;
  readonly centreX: Float32Array;
  readonly centreY: Float32Array;
  /** Phase of each cell's body; 0 where there is none. */
  readonly body: Float32Array;
  /** Subtracted from squared distances: larger cells reach further. */
  readonly bonus: Float32Array;
}

function createLattice(area: Area, look: MonolayerLook, broad: Noise, rng: Rng): Lattice {
  const { x0, y0, x1, y1 } = area.box;
  const pitchX = look.spacing * 1.07;
  const pitchY = look.spacing * 0.93;
  const columns = Math.ceil((x1 - x0) / pitchX) + 4;
  const rows = Math.ceil((y1 - y0) / pitchY) + 4;
  const make = () => new Float32Array(columns * rows);
  const lattice = {
    x0,
    y0,
    columns,
    rows,
    pitchX,
    pitchY,
    centreX: make(),
    centreY: make(),
    body: make(),
    bonus: make(),
  };
  const jitter = mix(0.3, 0.46, look.unevenness);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const shift = row % 2 === 0 ? 0 : 0.5;
      const x = x0 + (column - 1.5 + shift + jitter * (2 * rng.uniform() - 1)) * pitchX;
      const y = y0 + (row - 1.5 + jitter * (2 * rng.uniform() - 1)) * pitchY;
      lattice.centreX[at] = x;
      lattice.centreY[at] = y;
      lattice.bonus[at] = look.spacing * look.spacing * 0.25 * look.unevenness * rng.normal();
      const variation = Math.exp(0.28 * look.unevenness * rng.normal());
      const depth = area.depth(x, y);
      const lonely = look.gaps * (1 + 1.2 * sampleNoise(broad, x, y)) + look.gaps * Math.max(0, 0.3 - depth) * 2;
      lattice.body[at] = depth > 0 && rng.uniform() >= lonely ? look.thickness * variation : 0;
    }
  }
  return lattice;
}

/** Cell whose territory a pixel is in, and how far it is from the border, in spacings; results in `hit`. */
function findCell(
  lattice: Lattice,
  x: number,
  y: number,
  hit: { cell: number; border: number; distance: number },
): void {
  const { columns, rows, centreX, centreY, bonus } = lattice;
  const row = Math.min(Math.max(Math.round((y - lattice.y0) / lattice.pitchY + 1.5), 1), rows - 2);
  const column = Math.min(Math.max(Math.round((x - lattice.x0) / lattice.pitchX + 1.25), 1), columns - 2);
  let first = Number.POSITIVE_INFINITY;
  let second = Number.POSITIVE_INFINITY;
  let cell = 0;
  for (let r = row - 1; r <= row + 1; r++) {
    for (let at = r * columns + column - 1; at <= r * columns + column + 1; at++) {
      const dx = x - centreX[at]!;
      const dy = y - centreY[at]!;
      const distance = dx * dx + dy * dy - bonus[at]!;
      if (distance < first) {
        second = first;
        first = distance;
        cell = at;
      } else if (distance < second) second = distance;
    }
  }
  const dx = x - centreX[cell]!;
  const dy = y - centreY[cell]!;
  hit.cell = cell;
  hit.distance = dx * dx + dy * dy;
  hit.border = second - first;
}

/** Bodies of the cells: each pixel belongs to one cell; the phase falls towards the borders and the free rim. */
function drawBodies(specimen: Specimen, area: Area, look: MonolayerLook, lattice: Lattice, rng: Rng): void {
  const { x0, y0, x1, y1 } = area.box;
  const { width, phase, owner } = specimen;
  const size = look.spacing;
  const noise = (scale: number) => createNoise(x1 - x0, y1 - y0, Math.max(scale, 2), rng);
  const [bendX, bendY, swell, grain] = [noise(size * 0.9), noise(size * 0.9), noise(size * 2.5), noise(2)];
  const bend = size * mix(0.08, 0.3, look.unevenness);
  const groove = 1 / (0.35 * size * size);
  const reach2 = (size * mix(0.72, 0.95, look.unevenness)) ** 2;
  const rimPower = mix(3, 1.2, Math.min(look.unevenness, 1));
  const hit = { cell: 0, border: 0, distance: 0 };
  for (let y = Math.max(0, y0); y < Math.min(specimen.height, y1); y++) {
    for (let x = Math.max(0, x0); x < Math.min(width, x1); x++) {
      const u = x - x0;
      const v = y - y0;
      findCell(lattice, x + bend * sampleNoise(bendX, u, v), y + bend * sampleNoise(bendY, u, v), hit);
      const body = lattice.body[hit.cell]!;
      if (body === 0 || hit.distance >= reach2) continue;
      const border = 1 - Math.exp(-hit.border * groove * 2);
      const rim = 1 - (hit.distance / reach2) ** rimPower;
      const wave = 1 + 0.3 * look.unevenness * sampleNoise(swell, u, v);
      const at = y * width + x;
      phase[at] =
        phase[at]! +
        (look.contact + (1 - look.contact) * border) * rim * (body * wave + look.granules * sampleNoise(grain, u, v));
      owner[at] = area.owner;
    }
  }
}

/** Nuclei (oval, with one to three nucleoli) of the cells that exist. */
function drawNuclei(specimen: Specimen, look: MonolayerLook, lattice: Lattice, rng: Rng): void {
  const radius = look.spacing * mix(0.36, 0.27, look.unevenness);
  for (let cell = 0; cell < lattice.body.length; cell++) {
    const angle = Math.PI * rng.uniform();
    const stretch = 1 + (0.15 + 0.35 * look.unevenness) * rng.uniform();
    const strength = look.nucleus * (0.7 + 0.6 * rng.uniform());
    const nucleoli = 1 + rng.int(3);
    if (lattice.body[cell] === 0) continue;
    const [x, y] = [lattice.centreX[cell]!, lattice.centreY[cell]!];
    stampEllipse(specimen, { x, y, a: radius * stretch, b: radius / stretch, angle }, strength, dome, 0);
    for (let i = 0; i < nucleoli; i++) {
      const away = 0.5 * radius * Math.sqrt(rng.uniform());
      const turn = 2 * Math.PI * rng.uniform();
      const a = Math.max(1.1, radius * (0.22 + 0.12 * rng.uniform()));
      const spot = { x: x + away * Math.cos(turn), y: y + away * Math.sin(turn), a, b: a, angle: 0 };
      stampEllipse(specimen, spot, 1.3 * look.nucleus, dome, 0);
    }
  }
}

/** Draws a layer of attached cells over an area. */
export function drawMonolayer(specimen: Specimen, area: Area, look: MonolayerLook, rng: Rng): void {
  const { x0, y0, x1, y1 } = area.box;
  const broadNoise = createNoise(x1 - x0, y1 - y0, look.spacing * 3, rng);
  const lattice = createLattice(area, look, broadNoise, rng);
  drawBodies(specimen, area, look, lattice, rng);
  drawNuclei(specimen, look, lattice, rng);
}
