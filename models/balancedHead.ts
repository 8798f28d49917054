import type { Shaped } from "./layers.js";
import type { Architecture } from "./network.js";

/** Torch name of the second classifier. Linear probes train what begins with "classifier", and so this too. */
export const balancedHeadName = "classifier_balanced";

/**
 * A network with a second, linear classifier on its features: the auxiliary balanced classifier of Lee et al. (ABC, NeurIPS 2021). It
 * is declared last, so that all other weights begin as they do without it. No gradient is stopped before it.
 * @param features length of the feature vector
 */
export function withBalancedHead(base: Architecture, features: number): Architecture {
  return {
    name: `${base.name} with a balanced classifier`,
    referenceDefaults: base.referenceDefaults,
    declare(d, classes) {
      base.declare(d, classes);
      d.linear(balancedHeadName, features, classes);
    },
    forward<T extends Shaped>(...[layers, inputs]: Parameters<typeof base.forward<T>>) {
      const outputs = base.forward(layers, inputs);
      return { ...outputs, balanced: layers.keep(layers.linear(balancedHeadName, outputs.features)) };
    },
  };
}
