import { useEffect, useMemo, useRef } from "preact/hooks";
import { watchGestures } from "./gestures.js";
import { greyCanvas, type Overlay, paint, rgbaCanvas, type Scene, type Shape } from "./picture.js";
import { pan, resized, type Size, show, type Viewport, whole, zoom } from "./viewport.js";

export interface ZoomImageProps {
  /** Of the image, for those who do not see it. */
  readonly label: string;
  readonly width: number;
  readonly height: number;
  /** width * height values, row-major. */
  readonly grey: Uint8Array;
  readonly shapes?: readonly Shape[];
  readonly overlay?: Overlay | null;
  /** Index of the shape that is pointed out, and that the view goes to when it changes. */
  readonly selected?: number | null;
  readonly onSelect?: (index: number | null) => void;
}

const noShapes: readonly Shape[] = [];

/** A grey image with boxes and outlines; moved and magnified by mouse, fingers and keys. */
export function ZoomImage(props: ZoomImageProps) {
  const { label, width, height, grey, shapes = noShapes, overlay = null, selected = null, onSelect } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const base = useMemo(() => greyCanvas(grey, width, height), [grey, width, height]);
  const cover = useMemo(
    () => overlay && { at: overlay, canvas: rgbaCanvas(overlay.rgba, overlay.width, overlay.height) },
    [overlay],
  );
  const scene: Scene = { base, overlay: cover, shapes, selected };
  // What is pressed in the image is in view already.
  const pressed = useRef<number | null>(null);
  const select = (index: number | null) => {
    pressed.current = index;
    onSelect?.(index);
  };
  const view = useView(canvas, { width, height }, scene, select);
  useEffect(() => {
    const shape = selected === null ? undefined : shapes[selected];
    if (shape && selected !== pressed.current) view.show(shape);
    pressed.current = null;
  }, [selected]);
  return (
    <div class="zoom-image">
      <canvas ref={canvas} tabIndex={0} role="img" aria-label={`${label}. ${keyHelp}`} title={keyHelp} />
      <div class="zoom-buttons">
        <button type="button" onClick={() => view.zoom(1.6)} aria-label="Magnify">
          +
        </button>
        <button type="button" onClick={() => view.zoom(1 / 1.6)} aria-label="Make smaller">
          −
        </button>
        <button type="button" onClick={() => view.fit()}>
          Whole image
        </button>
      </div>
    </div>
  );
}

const keyHelp = "Arrow keys move, plus and minus magnify, 0 shows the whole image";

/** Handles of the view for buttons. */
interface View {
  zoom(factor: number): void;
  fit(): void;
  show(shape: Shape): void;
}

/** Keeps what part of the image is shown, and paints it when anything changes. */
function useView(
  ref: { readonly current: HTMLCanvasElement | null },
  image: Size,
  scene: Scene,
  onSelect: (index: number | null) => void,
): View {
  const viewer = useRef<Viewer | null>(null);
  useEffect(() => {
    const { current } = ref;
    if (!current) return;
    viewer.current = new Viewer(current, image);
    return () => viewer.current?.close();
  }, [image.width, image.height]);
  useEffect(() => viewer.current?.draw(scene, onSelect));
  return {
    zoom: (factor) => viewer.current?.zoomAbout(factor),
    fit: () => viewer.current?.fit(),
    show: (shape) => viewer.current?.show(shape),
  };
}

/** One canvas: its size, its view, its painting. */
class Viewer {
  private readonly context: CanvasRenderingContext2D | null;
  private readonly observer: ResizeObserver;
  private readonly unwatch: () => void;
  private view: Viewport | null = null;
  private scene: Scene | null = null;
  private onSelect: ((index: number | null) => void) | undefined;
  private frame = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly image: Size,
  ) {
    this.context = canvas.getContext("2d");
    this.unwatch = watchGestures(canvas, () => this.ratio, {
      pan: (dx, dy) => this.change((view) => pan(view, dx, dy, this.image, this.canvas)),
      zoom: (factor, x, y) => this.change((view) => zoom(view, factor, x, y, this.image, this.canvas)),
      fit: () => this.fit(),
      press: (x, y) => this.press(x, y),
    });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
    this.resize();
  }

  private get ratio(): number {
    return window.devicePixelRatio || 1;
  }

  draw(scene: Scene, onSelect: (index: number | null) => void): void {
    this.scene = scene;
    this.onSelect = onSelect;
    this.later();
  }

  zoomAbout(factor: number): void {
    const { width, height } = this.canvas;
    this.change((view) => zoom(view, factor, width / 2, height / 2, this.image, this.canvas));
  }

  fit(): void {
    this.change(() => whole(this.image, this.canvas));
  }

  show(shape: Shape): void {
    this.change(() => show(shape, this.image, this.canvas));
  }

  close(): void {
    this.unwatch();
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  /** The canvas has as many px as the screen has for it. */
  private resize(): void {
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [clientWidth, clientHeight].map((side) => Math.round(side * this.ratio));
    if (!width || !height) return;
    const before = { width: this.canvas.width, height: this.canvas.height };
    if (before.width === width && before.height === height && this.view) return;
    [this.canvas.width, this.canvas.height] = [width, height];
    this.view = this.view ? resized(this.view, before, this.image, this.canvas) : whole(this.image, this.canvas);
    this.later();
  }

  private change(next: (view: Viewport) => Viewport): void {
    if (!this.view) return;
    this.view = next(this.view);
    this.later();
  }

  private press(x: number, y: number): void {
    const { view, scene } = this;
    if (!view || !scene) return;
    const [column, row] = [view.left + x / view.scale, view.top + y / view.scale];
    const hit = scene.shapes
      .map((shape, index) => ({ shape, index }))
      .filter(({ shape: s }) => column >= s.x && column < s.x + s.width && row >= s.y && row < s.y + s.height)
      .sort((a, b) => a.shape.width * a.shape.height - b.shape.width * b.shape.height)[0];
    this.onSelect?.(hit ? hit.index : null);
  }

  private later(): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (this.context && this.view && this.scene) paint(this.context, this.scene, this.view, this.ratio);
    });
  }
}
