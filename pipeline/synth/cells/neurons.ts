/** Neurons: dark, thick cell bodies and long thin protrusions (axons) that wander, taper and branch. */
import type { Rng } from "../../../engine/rng.js";
import { createNoise, type Noise, sampleNoise } from "../fields.js";
import {
  type Area,
  addLayer,
  areaPixels,
  createLayer,
  dome,
  pointIn,
  type Specimen,
  stampEllipse,
} from "../specimen.js";

export interface NeuronsLook {
  /** Cell bodies per 10,000 pixels. */
  readonly density: number;
  /** Mean half axis of a cell body, pixels. */
  readonly radius: number;
  /** Phase of a cell body, radians. */
  readonly thickness: number;
  /** Mean length of a protrusion, pixels. */
  readonly length: number;
  /** Half width of a protrusion where it leaves the body, pixels. */
  readonly width: number;
  /** Phase of a protrusion, radians. */
  readonly fibre: number;
}

/** One growing protrusion. */
interface Tip {
  x: number;
  y: number;
  heading: number;
  left: number;
  readonly total: number;
  readonly width: number;
}

/** Writes a Gaussian dot into a layer by maximum, so that the dots of a path merge into an even tube. */
function dot(layer: Specimen, x: number, y: number, width: number, peak: number, owner: number): void {
  const reach = Math.ceil(2 * width);
  const [column, row] = [Math.round(x), Math.round(y)];
  const scale = -0.5 / (width * width);
  for (let r = Math.max(0, row - reach); r <= Math.min(layer.height - 1, row + reach); r++) {
    for (let c = Math.max(0, column - reach); c <= Math.min(layer.width - 1, column + reach); c++) {
      const d2 = (c - x) ** 2 + (r - y) ** 2;
      const value = peak * Math.exp(d2 * scale);
      const at = r * layer.width + c;
      if (value > layer.phase[at]!) layer.phase[at] = value;
      if (d2 < width * width * 3) layer.owner[at] = owner;
    }
  }
}

/** Follows one protrusion to its end; the local direction of a smooth field draws fibres into loose bundles. */
function growTip(layer: Specimen, tip: Tip, look: NeuronsLook, flow: Noise, owner: number, rng: Rng): Tip | null {
  const step = 0.8;
  let branch: Tip | null = null;
  while (tip.left > 0) {
    const share = tip.left / tip.total;
    const width = tip.width * (0.6 + 0.4 * share);
    dot(layer, tip.x, tip.y, width, look.fibre * (0.65 + 0.35 * share), owner);
    const pull = Math.sin(2 * (1.3 * sampleNoise(flow, tip.x, tip.y) - tip.heading));
    tip.heading += 0.06 * rng.normal() + 0.02 * pull;
    tip.x += step * Math.cos(tip.heading);
    tip.y += step * Math.sin(tip.heading);
    tip.left -= step;
    if (tip.x < -8 || tip.y < -8 || tip.x > layer.width + 8 || tip.y > layer.height + 8) break;
    if (branch === null && tip.left > 12 && rng.uniform() < 0.012) {
      const heading = tip.heading + (rng.uniform() < 0.5 ? -1 : 1) * (0.4 + 0.5 * rng.uniform());
      branch = { x: tip.x, y: tip.y, heading, left: tip.left * 0.6, total: tip.total, width: width * 0.85 };
    }
  }
  return branch;
}

/** A body and its one to four protrusions, one of them (the axon) twice as long. */
function drawNeuron(
  layer: Specimen,
  at: [number, number],
  look: NeuronsLook,
  flow: Noise,
  owner: number,
  rng: Rng,
): void {
  const [x, y] = at;
  const heading = 2 * Math.PI * rng.uniform();
  const size = look.radius * Math.exp(0.2 * rng.normal());
  const stretch = 1.1 + 0.5 * rng.uniform();
  const body = { x, y, a: size * stretch, b: size / stretch, angle: heading };
  stampEllipse(layer, body, look.thickness * (0.8 + 0.4 * rng.uniform()), dome, owner, "max");
  const arms = 1 + rng.int(4);
  for (let i = 0; i < arms; i++) {
    const turn = heading + (2 * Math.PI * i) / arms + 0.35 * rng.normal();
    const length = look.length * (i === 0 ? 1.6 : 0.7) * (0.5 + rng.uniform());
    const start = { x: x + 0.7 * size * Math.cos(turn), y: y + 0.7 * size * Math.sin(turn), heading: turn };
    let tip: Tip | null = { ...start, left: length, total: length, width: look.width };
    for (let order = 0; tip !== null && order < 3; order++) tip = growTip(layer, tip, look, flow, owner, rng);
  }
}

/** Draws neurons over an area; bodies tend to gather in clumps, protrusions may leave the area. */
export function drawNeurons(specimen: Specimen, area: Area, look: NeuronsLook, rng: Rng): void {
  const { width, height } = specimen;
  const expected = (look.density * areaPixels(area)) / 10000;
  const count = Math.floor(expected + rng.uniform());
  if (count === 0) return;
  const layer = createLayer(specimen);
  const flow = createNoise(width, height, look.length * 1.5, rng);
  let place: [number, number] | null = null;
  for (let i = 0; i < count; i++) {
    if (place !== null && rng.uniform() < 0.35) {
      const turn = 2 * Math.PI * rng.uniform();
      const near: [number, number] = [
        place[0] + 2 * look.radius * Math.cos(turn),
        place[1] + 2 * look.radius * Math.sin(turn),
      ];
      place = area.depth(near[0], near[1]) > 0 ? near : pointIn(area, rng);
    } else place = pointIn(area, rng);
    if (place === null) break;
    drawNeuron(layer, place, look, flow, area.owner, rng);
  }
  addLayer(specimen, layer);
}
