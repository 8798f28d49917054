/** Outlines of masks as line segments along the edges of pixels, so that they stay sharp at every magnification. Needs no browser. */

/** x0, y0, x1, y1 of each segment, px. */
export type Segments = Int32Array;

/**
 * @param mask w * h values, row-major; above 0 is inside
 * @param x0 added to the columns @param y0 added to the rows
 */
export function outline(mask: ArrayLike<number>, w: number, h: number, x0 = 0, y0 = 0): Segments {
  const inside = (x: number, y: number) => x >= 0 && y >= 0 && x < w && y < h && (mask[y * w + x] as number) > 0;
  const found: number[] = [];
  for (let y = 0; y <= h; y++) {
    edgesOf(
      w,
      (x) => inside(x, y - 1) !== inside(x, y),
      (from, to) => found.push(x0 + from, y0 + y, x0 + to, y0 + y),
    );
  }
  for (let x = 0; x <= w; x++) {
    edgesOf(
      h,
      (y) => inside(x - 1, y) !== inside(x, y),
      (from, to) => found.push(x0 + x, y0 + from, x0 + x, y0 + to),
    );
  }
  return Int32Array.from(found);
}

/** Calls `add` for each run of positions that are edges. */
function edgesOf(length: number, isEdge: (at: number) => boolean, add: (from: number, to: number) => void): void {
  let start = -1;
  for (let at = 0; at <= length; at++) {
    const edge = at < length && isEdge(at);
    if (edge && start < 0) start = at;
    if (!edge && start >= 0) {
      add(start, at);
      start = -1;
    }
  }
}
