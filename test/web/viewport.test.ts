import { describe, expect, test } from "vitest";
import { outline } from "../../demo/web/shared/outline.js";
import { mostScale, pan, resized, show, type Viewport, whole, zoom } from "../../demo/web/shared/viewport.js";

const image = { width: 2000, height: 1000 };
const canvas = { width: 800, height: 600 };
/** Canvas point of an image point. */
const at = ({ left, top, scale }: Viewport, x: number, y: number) => [(x - left) * scale, (y - top) * scale];

describe("the view of an image", () => {
  test("begins with the whole image, in the middle", () => {
    const view = whole(image, canvas);
    expect(view.scale).toBe(0.4);
    expect(at(view, 0, 0)).toEqual([0, 100]);
    expect(at(view, 2000, 1000)).toEqual([800, 500]);
  });

  test("magnifies about a point, which stays where it is", () => {
    const before = zoom(whole(image, canvas), 4, 400, 300, image, canvas);
    const [x, y] = [before.left + 250 / before.scale, before.top + 170 / before.scale];
    const after = zoom(before, 1.7, 250, 170, image, canvas);
    expect(after.scale).toBeCloseTo(1.6 * 1.7);
    expect(at(after, x, y)[0]).toBeCloseTo(250);
    expect(at(after, x, y)[1]).toBeCloseTo(170);
  });

  test("is never smaller than the whole image, nor larger than single pixels", () => {
    expect(zoom(whole(image, canvas), 0.01, 0, 0, image, canvas)).toEqual(whole(image, canvas));
    expect(zoom(whole(image, canvas), 1e6, 0, 0, image, canvas).scale).toBe(mostScale);
  });

  test("cannot be moved beyond the edges of the image", () => {
    const near = zoom(whole(image, canvas), 5, 400, 300, image, canvas);
    const corner = pan(near, 1e6, 1e6, image, canvas);
    expect([corner.left, corner.top]).toEqual([0, 0]);
    const other = pan(near, -1e6, -1e6, image, canvas);
    expect(at(other, 2000, 1000)).toEqual([800, 600]);
  });

  test("goes to a colony, with room around it", () => {
    const box = { x: 1200, y: 300, width: 200, height: 100 };
    const view = show(box, image, canvas);
    expect(at(view, 1300, 350)).toEqual([400, 300]);
    expect(view.scale * box.width).toBeCloseTo(500);
  });

  test("keeps its middle when the canvas changes, and the whole image stays whole", () => {
    const view = pan(zoom(whole(image, canvas), 5, 400, 300, image, canvas), 100, -50, image, canvas);
    const [x, y] = [view.left + 400 / view.scale, view.top + 300 / view.scale];
    const half = { width: 400, height: 350 };
    const after = resized(view, canvas, image, half);
    expect(after.scale).toBeCloseTo(view.scale / 2);
    expect(at(after, x, y)[0]).toBeCloseTo(200);
    expect(at(after, x, y)[1]).toBeCloseTo(175);
    expect(resized(whole(image, canvas), canvas, image, half)).toEqual(whole(image, half));
  });
});

describe("an outline", () => {
  /** Unit edges of segments, sorted. */
  const edges = (segments: Int32Array) => {
    const all: string[] = [];
    for (let i = 0; i < segments.length; i += 4) {
      const [x0, y0, x1, y1] = segments.subarray(i, i + 4) as unknown as [number, number, number, number];
      for (let k = 0; k < x1 - x0 + (y1 - y0); k++) all.push(x1 > x0 ? `${x0 + k},${y0}-` : `${x0},${y0 + k}|`);
    }
    return all.sort();
  };

  test("has each edge between inside and outside once: of a ring, the inner ones too", () => {
    const mask = [1, 1, 1, 1, 0, 1, 1, 1, 1];
    const outer = [0, 1, 2].flatMap((k) => [`${k},0-`, `${k},3-`, `0,${k}|`, `3,${k}|`]);
    expect(edges(outline(mask, 3, 3))).toEqual([...outer, "1,1-", "1,2-", "1,1|", "2,1|"].sort());
  });

  test("joins edges in a row and is moved to its place", () => {
    expect([...outline([255, 255], 2, 1, 10, 20)]).toEqual([
      ...[10, 20, 12, 20],
      ...[10, 21, 12, 21],
      ...[10, 20, 10, 21],
      ...[12, 20, 12, 21],
    ]);
  });

  test("of nothing is nothing", () => {
    expect(outline([0, 0, 0, 0], 2, 2)).toHaveLength(0);
  });
});
