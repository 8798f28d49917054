/** What part of an image a canvas shows. Pure, so that it is tested without a browser. */

/** Image point (x, y) appears at ((x - left) * scale, (y - top) * scale), canvas px. */
export interface Viewport {
  readonly left: number;
  readonly top: number;
  /** Canvas px per image px. */
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Canvas px per image px at most: single pixels are seen well then. */
export const mostScale = 32;

/** The whole image, in the middle. */
export function whole(image: Size, canvas: Size): Viewport {
  const scale = Math.min(canvas.width / image.width, canvas.height / image.height);
  return settled({ left: 0, top: 0, scale }, image, canvas);
}

/** A box of the image with a margin around it, in the middle. */
export function show(
  box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  image: Size,
  canvas: Size,
): Viewport {
  const room = 1.6;
  const wanted = Math.min(canvas.width / (box.width * room), canvas.height / (box.height * room));
  const scale = Math.min(wanted, 8);
  const left = box.x + box.width / 2 - canvas.width / scale / 2;
  const top = box.y + box.height / 2 - canvas.height / scale / 2;
  return settled({ left, top, scale }, image, canvas);
}

/** Magnifies by `factor`; the image point under (x, y) of the canvas stays there. */
export function zoom(view: Viewport, factor: number, x: number, y: number, image: Size, canvas: Size): Viewport {
  const scale = limited(view.scale * factor, image, canvas);
  const left = view.left + x / view.scale - x / scale;
  const top = view.top + y / view.scale - y / scale;
  return settled({ left, top, scale }, image, canvas);
}

/** Moves the image by (dx, dy) canvas px. */
export function pan(view: Viewport, dx: number, dy: number, image: Size, canvas: Size): Viewport {
  return settled({ ...view, left: view.left - dx / view.scale, top: view.top - dy / view.scale }, image, canvas);
}

/** The same middle, as large as it fits, in a canvas that was of size `before` and is of size `canvas` now. */
export function resized(view: Viewport, before: Size, image: Size, canvas: Size): Viewport {
  const scale = limited(
    view.scale * Math.min(canvas.width / before.width, canvas.height / before.height),
    image,
    canvas,
  );
  const left = view.left + before.width / view.scale / 2 - canvas.width / scale / 2;
  const top = view.top + before.height / view.scale / 2 - canvas.height / scale / 2;
  return settled({ left, top, scale }, image, canvas);
}

/** Within the limits of magnification and of the image. */
export function settled(view: Viewport, image: Size, canvas: Size): Viewport {
  const scale = limited(view.scale, image, canvas);
  return {
    scale,
    left: inside(view.left, image.width, canvas.width / scale),
    top: inside(view.top, image.height, canvas.height / scale),
  };
}

function limited(scale: number, image: Size, canvas: Size): number {
  const least = Math.min(canvas.width / image.width, canvas.height / image.height);
  return Math.min(Math.max(scale, least), Math.max(mostScale, least));
}

/** An image that is smaller than the window stands in the middle; of a larger one no edge comes into the window. */
function inside(start: number, image: number, window: number): number {
  if (image <= window) return (image - window) / 2;
  return Math.min(Math.max(start, 0), image - window);
}
