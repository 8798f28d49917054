/**
 * Dead and dying cells: rounded up into spheres that stick together in groups. A sphere of several radians of phase is beyond
 * the range where phase contrast shows thickness as darkness: it shines, most of all around its perimeter.
 */
import type { Rng } from "../../../engine/rng.js";
import {
  type Area,
  addLayer,
  areaPixels,
  createLayer,
  dome,
  pointIn,
  type Specimen,
  sphere,
  stampEllipse,
} from "../specimen.js";

export interface DeadCellsLook {
  /** Area of all spheres over the area they are strewn on; 1 covers most of it. */
  readonly cover: number;
  /** Mean radius of a sphere, pixels. */
  readonly radius: number;
  /** Standard deviation of the logarithm of the radius. */
  readonly spread: number;
  /** Phase through the middle of a sphere of mean radius, radians. */
  readonly thickness: number;
  /** Spheres of a group, on average. */
  readonly groupSize: number;
}

/** Draws one sphere with blebs. */
function drawSphere(
  layer: Specimen,
  x: number,
  y: number,
  radius: number,
  thickness: number,
  owner: number,
  rng: Rng,
): void {
  const squeeze = 1 + 0.12 * rng.normal();
  const ellipse = { x, y, a: radius * squeeze, b: radius / squeeze, angle: Math.PI * rng.uniform() };
  stampEllipse(layer, ellipse, thickness, sphere, owner, "max");
  const blebs = rng.int(3);
  for (let i = 0; i < blebs; i++) {
    const turn = 2 * Math.PI * rng.uniform();
    const a = radius * (0.2 + 0.25 * rng.uniform());
    const bleb = { x: x + radius * 0.85 * Math.cos(turn), y: y + radius * 0.85 * Math.sin(turn), a, b: a, angle: 0 };
    stampEllipse(layer, bleb, thickness * 0.5, rng.uniform() < 0.5 ? sphere : dome, owner, "max");
  }
}

/** Strews groups of dead cells over an area until `look.cover` of it would be covered without overlaps. */
export function drawDeadCells(specimen: Specimen, area: Area, look: DeadCellsLook, rng: Rng): void {
  let left = look.cover * areaPixels(area) - Math.PI * look.radius * look.radius * rng.uniform();
  const layer = createLayer(specimen);
  while (left > 0) {
    const centre = pointIn(area, rng);
    if (centre === null) break;
    const placed: [number, number][] = [centre];
    const members = 1 + Math.floor(-Math.log(1 - rng.uniform()) * (look.groupSize - 1) + 0.5);
    for (let i = 0; i < members && left > 0; i++) {
      const [x, y] = placed[i] ?? placed[rng.int(placed.length)]!;
      const size = Math.exp(look.spread * rng.normal());
      const radius = look.radius * size;
      drawSphere(layer, x, y, radius, look.thickness * size * (0.8 + 0.4 * rng.uniform()), area.owner, rng);
      left -= Math.PI * radius * radius;
      const turn = 2 * Math.PI * rng.uniform();
      const [fromX, fromY] = placed[rng.int(placed.length)]!;
      const next: [number, number] = [fromX + 1.8 * radius * Math.cos(turn), fromY + 1.8 * radius * Math.sin(turn)];
      if (
        area.depth(next[0], next[1]) > 0 &&
        placed.every(([a, b]) => Math.hypot(next[0] - a, next[1] - b) > 1.2 * radius)
      ) {
        placed.push(next);
      }
    }
  }
  addLayer(specimen, layer);
}
