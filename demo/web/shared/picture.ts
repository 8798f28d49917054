import { boxColour, cssColour, type Rgb } from "./colours.js";
import type { Segments } from "./outline.js";
import type { Viewport } from "./viewport.js";

/** Drawing of an image with what was found in it onto a canvas. */

/** A thing in the image: a box with a label, and its outline. Px of the image. */
export interface Shape {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Beside the box, as "3" or "3 Dense". */
  readonly label: string;
  /** Of its class; without it, the colours of what was merely found. */
  readonly colour?: Rgb | undefined;
  readonly outlineColour?: Rgb | undefined;
  readonly segments: Segments | null;
}

/** A transparent picture that lies on a part of the image. */
export interface Overlay {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** width * height, red, green, blue, alpha. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

export interface Scene {
  readonly base: CanvasImageSource;
  readonly overlay: { readonly at: Overlay; readonly canvas: CanvasImageSource } | null;
  readonly shapes: readonly Shape[];
  /** Index of the shape that is pointed out. */
  readonly selected: number | null;
}

/** A canvas of grey values, which other canvases draw at any size. */
export function greyCanvas(grey: Uint8Array, width: number, height: number): HTMLCanvasElement {
  const words = new Uint32Array(width * height);
  for (let i = 0; i < words.length; i++) words[i] = 0xff000000 | (0x010101 * (grey[i] as number));
  return rgbaCanvas(new Uint8ClampedArray(words.buffer), width, height);
}

export function rgbaCanvas(rgba: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d")?.putImageData(new ImageData(rgba, width, height), 0, 0);
  return canvas;
}

/** @param ratio canvas px per CSS px: lines and letters keep their size on dense screens */
export function paint(context: CanvasRenderingContext2D, scene: Scene, view: Viewport, ratio: number): void {
  const { width, height } = context.canvas;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  const { scale, left, top } = view;
  context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
  context.imageSmoothingEnabled = scale < 2;
  context.imageSmoothingQuality = "medium";
  context.drawImage(scene.base, 0, 0);
  if (scene.overlay) {
    const { at, canvas } = scene.overlay;
    context.imageSmoothingEnabled = false;
    context.drawImage(canvas, at.x, at.y);
  }
  for (const shape of scene.shapes) strokeOutline(context, shape, (1.5 * ratio) / scale);
  context.setTransform(1, 0, 0, 1, 0, 0);
  for (const [i, shape] of scene.shapes.entries()) drawBox(context, shape, view, ratio, i === scene.selected);
}

function strokeOutline(context: CanvasRenderingContext2D, shape: Shape, line: number): void {
  const { segments } = shape;
  const colour = shape.outlineColour ?? shape.colour;
  if (!segments || !colour) return;
  context.beginPath();
  for (let i = 0; i < segments.length; i += 4) {
    context.moveTo(segments[i] as number, segments[i + 1] as number);
    context.lineTo(segments[i + 2] as number, segments[i + 3] as number);
  }
  context.lineWidth = line;
  context.lineCap = "square";
  context.strokeStyle = cssColour(colour);
  context.stroke();
}

function drawBox(
  context: CanvasRenderingContext2D,
  shape: Shape,
  { left, top, scale }: Viewport,
  ratio: number,
  selected: boolean,
): void {
  const colour = cssColour(shape.colour ?? boxColour);
  const line = (selected ? 3.5 : 1.5) * ratio;
  const [x, y] = [(shape.x - left) * scale, (shape.y - top) * scale];
  const [width, height] = [shape.width * scale, shape.height * scale];
  const { canvas } = context;
  if (x + width < 0 || y + height < 0 || x > canvas.width || y > canvas.height) return;
  context.lineWidth = line;
  context.strokeStyle = colour;
  context.strokeRect(x - line / 2, y - line / 2, width + line, height + line);
  if (shape.label !== "")
    drawLabel(context, shape.label, { x: x - line, y: y - line, below: y + height + line }, colour, ratio);
}

/** A plate above the box, or below it where there is no room. */
function drawLabel(
  context: CanvasRenderingContext2D,
  text: string,
  at: { x: number; y: number; below: number },
  colour: string,
  ratio: number,
): void {
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  const [width, height] = [context.measureText(text).width + 8 * ratio, 18 * ratio];
  const x = Math.max(0, Math.min(at.x, context.canvas.width - width));
  const y = at.y >= height ? at.y - height : Math.min(at.below, context.canvas.height - height);
  context.fillStyle = colour;
  context.fillRect(x, y, width, height);
  context.fillStyle = "#000";
  context.textBaseline = "middle";
  context.fillText(text, x + 4 * ratio, y + height / 2 + ratio);
}
