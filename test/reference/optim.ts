import { map, type Nd, zerosLike } from "./nd.js";

export interface SgdParams {
  lr: number;
  momentum?: number;
  weightDecay?: number;
  nesterov?: boolean;
}

/**
 * One step of torch's SGD (dampening 0): g = gradient + weightDecay w; the buffer is g at the first step (`buffer` null), then
 * momentum * buffer + g; w -= lr * (nesterov ? g + momentum * buffer : buffer). Nothing is changed in place.
 */
export function sgdStep(
  weight: Nd,
  gradient: Nd,
  buffer: Nd | null,
  { lr, momentum = 0, weightDecay = 0, nesterov = false }: SgdParams,
): { weight: Nd; buffer: Nd } {
  const g = map(gradient, (value, k) => value + weightDecay * weight.data[k]!);
  const next = buffer ? map(buffer, (value, k) => momentum * value + g.data[k]!) : g;
  const change = nesterov ? map(g, (value, k) => value + momentum * next.data[k]!) : next;
  return { weight: map(weight, (value, k) => value - lr * change.data[k]!), buffer: next };
}

export interface AdamParams {
  lr: number;
  betas?: readonly [number, number];
  eps?: number;
  /** Added to the gradient (torch's Adam, not AdamW). */
  weightDecay?: number;
}

/** Moments of Adam and the number of steps done. */
export interface AdamState {
  first: Nd;
  second: Nd;
  step: number;
}

/** One step of torch's Adam: moments with bias correction, w -= lr m^ / (sqrt(v^) + eps). Nothing is changed in place. */
export function adamStep(
  weight: Nd,
  gradient: Nd,
  state: AdamState | null,
  { lr, betas: [beta1, beta2] = [0.9, 0.999], eps = 1e-8, weightDecay = 0 }: AdamParams,
): { weight: Nd; state: AdamState } {
  const { first, second, step } = state ?? { first: zerosLike(weight), second: zerosLike(weight), step: 0 };
  const g = map(gradient, (value, k) => value + weightDecay * weight.data[k]!);
  const m = map(first, (value, k) => beta1 * value + (1 - beta1) * g.data[k]!);
  const v = map(second, (value, k) => beta2 * value + (1 - beta2) * g.data[k]! ** 2);
  const [correction1, correction2] = [1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1)];
  const next = map(weight, (value, k) => {
    return value - (lr * (m.data[k]! / correction1)) / (Math.sqrt(v.data[k]! / correction2) + eps);
  });
  return { weight: next, state: { first: m, second: v, step: step + 1 } };
}
