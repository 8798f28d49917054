/** What mouse, fingers and keys do to a zoomable image, in canvas px. */

export interface GestureActions {
  pan(dx: number, dy: number): void;
  zoom(factor: number, x: number, y: number): void;
  fit(): void;
  /** A click or tap that moved nothing. */
  press(x: number, y: number): void;
}

/** Fingers and pens tremble: up to this many px a press is no drag. */
const steady = 4;
const keyStep = 60;
const keyZoom = 1.35;

/** @param ratio canvas px per CSS px @returns takes the listeners away */
export function watchGestures(canvas: HTMLCanvasElement, ratio: () => number, actions: GestureActions): () => void {
  const pointers = new Map<number, { x: number; y: number }>();
  let moved = 0;
  const place = (event: { clientX: number; clientY: number }) => {
    const box = canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * ratio(), y: (event.clientY - box.top) * ratio() };
  };
  const stop = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(kind: K, listener: (event: HTMLElementEventMap[K]) => void) =>
    canvas.addEventListener(kind, listener, { signal: stop.signal, passive: false });
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (pointers.size === 0) moved = 0;
    pointers.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
  });
  on("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = place(event);
    moved += Math.hypot(now.x - before.x, now.y - before.y);
    const [other] = [...pointers].filter(([id]) => id !== event.pointerId);
    pointers.set(event.pointerId, now);
    if (other) pinch(actions, before, now, other[1]);
    else if (moved > steady * ratio()) actions.pan(now.x - before.x, now.y - before.y);
  });
  on("pointerup", (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size > 0) moved = Number.POSITIVE_INFINITY;
    else if (moved <= steady * ratio()) actions.press(place(event).x, place(event).y);
  });
  on("pointercancel", (event) => pointers.delete(event.pointerId));
  on("wheel", (event) => {
    event.preventDefault();
    const { x, y } = place(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    actions.zoom(2 ** (-(event.deltaY * lines) / 240), x, y);
  });
  on("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && pressKey(event.key, canvas, ratio(), actions))
      event.preventDefault();
  });
  return () => stop.abort();
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** One of two fingers moved. */
function pinch(actions: GestureActions, before: Point, now: Point, other: Point): void {
  const [was, is] = [before, now].map(({ x, y }) => Math.hypot(x - other.x, y - other.y)) as [number, number];
  actions.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  if (was > 0) actions.zoom(is / was, (now.x + other.x) / 2, (now.y + other.y) / 2);
}

/** @returns whether the key means something */
function pressKey(key: string, canvas: HTMLCanvasElement, ratio: number, actions: GestureActions): boolean {
  const step = keyStep * ratio;
  const [x, y] = [canvas.width / 2, canvas.height / 2];
  const moves: Record<string, () => void> = {
    ArrowLeft: () => actions.pan(step, 0),
    ArrowRight: () => actions.pan(-step, 0),
    ArrowUp: () => actions.pan(0, step),
    ArrowDown: () => actions.pan(0, -step),
    "+": () => actions.zoom(keyZoom, x, y),
    "=": () => actions.zoom(keyZoom, x, y),
    "-": () => actions.zoom(1 / keyZoom, x, y),
    "0": () => actions.fit(),
  };
  moves[key]?.();
  return key in moves;
}
