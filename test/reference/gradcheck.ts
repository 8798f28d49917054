import { type Nd, nd, type Twin } from "./nd.js";

/**
 * Central finite differences of sum(dy * f(x)) with respect to every element of x, where dy has the shape of f(x).
 * The step is h (1 + |x|); with h = 1e-6 smooth functions come out to about 1e-9 relative to their scale.
 */
export function gradcheck(f: (x: Nd) => Nd, x: Nd, dy: Nd, h = 1e-6): Nd {
  const project = (at: Nd) => f(at).data.reduce((total, value, k) => total + value * dy.data[k]!, 0);
  const gradient = nd(x.shape);
  for (let k = 0; k < x.data.length; k++) {
    const step = h * (1 + Math.abs(x.data[k]!));
    const shifted = (by: number) => {
      const at = nd(x.shape, x.data);
      at.data[k]! += by;
      return project(at);
    };
    gradient.data[k] = (shifted(step) - shifted(-step)) / (2 * step);
  }
  return gradient;
}

/** Finite-difference gradients of a twin for every one of its inputs; see `gradcheck`. */
export function gradcheckTwin<P>(twin: Twin<P>, inputs: Nd[], params: P, dy: Nd, h?: number): Nd[] {
  return inputs.map((input, at) => gradcheck((x) => twin.forward(inputs.with(at, x), params), input, dy, h));
}
