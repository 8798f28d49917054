/** Masks of colonies: the ground that cells cover, closed over the small gaps between them. */
import { createField, gaussianBlur } from "./fields.js";
import type { Specimen } from "./specimen.js";

/** Clears foreground that is not 4-connected to a large enough piece; returns the number of pixels left. */
function keepLargePieces(mask: Uint8Array, width: number, minimum: number): void {
  const label = new Int32Array(mask.length);
  const queue = new Int32Array(mask.length);
  let labels = 0;
  const sizes: number[] = [0];
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] === 0 || label[start] !== 0) continue;
    sizes.push(flood(mask, label, queue, width, start, ++labels, 255));
  }
  const largest = Math.max(...sizes);
  const threshold = Math.min(minimum, largest);
  for (let i = 0; i < mask.length; i++) if (sizes[label[i]!]! < threshold) mask[i] = 0;
}

/** Labels the 4-connected piece of pixels equal to `value` around `start`; returns its size. */
function flood(
  mask: Uint8Array,
  label: Int32Array,
  queue: Int32Array,
  width: number,
  start: number,
  name: number,
  value: number,
): number {
  let head = 0;
  let tail = 0;
  const visit = (at: number): void => {
    if (mask[at] !== value || label[at] !== 0) return;
    label[at] = name;
    queue[tail++] = at;
  };
  visit(start);
  while (head < tail) {
    const at = queue[head++]!;
    const x = at % width;
    if (x > 0) visit(at - 1);
    if (x < width - 1) visit(at + 1);
    if (at >= width) visit(at - width);
    if (at + width < mask.length) visit(at + width);
  }
  return tail;
}

/** Fills background that is not connected to the border of the picture. */
function fillHoles(mask: Uint8Array, width: number): void {
  const label = new Int32Array(mask.length);
  const queue = new Int32Array(mask.length);
  const height = mask.length / width;
  for (let x = 0; x < width; x++) {
    flood(mask, label, queue, width, x, 1, 0);
    flood(mask, label, queue, width, (height - 1) * width + x, 1, 0);
  }
  for (let y = 0; y < height; y++) {
    flood(mask, label, queue, width, y * width, 1, 0);
    flood(mask, label, queue, width, y * width + width - 1, 1, 0);
  }
  for (let i = 0; i < mask.length; i++) if (label[i] === 0) mask[i] = 255;
}

/**
 * Mask of everything drawn into a specimen, 0 or 255: the footprint blurred by `closing` pixels and cut at a third, holes filled,
 * pieces below `minimumPiece` pixels dropped (but never the largest).
 */
export function colonyMask(specimen: Specimen, closing: number, minimumPiece: number): Uint8Array {
  const { width, height, owner } = specimen;
  const footprint = createField(width, height);
  for (let i = 0; i < owner.length; i++) footprint.data[i] = owner[i] === 0 ? 0 : 1;
  const closed = gaussianBlur(footprint, closing).data;
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) mask[i] = closed[i]! > 1 / 3 ? 255 : 0;
  fillHoles(mask, width);
  keepLargePieces(mask, width, minimumPiece);
  return mask;
}
