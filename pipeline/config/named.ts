import type { Layer } from "./layers.js";

/** A named configuration: a row of the article's tables 2 and 5. */
export interface NamedConfig {
  summary: string;
  layer: Layer;
}

/** Iterative pseudo balancing with one scale. Meta pseudo labels with balancing is the same thing by definition. */
const balanced: Layer = { method: "meta-pseudo-labels", model: "vgg19", meta: { balance: true } };

/** What each `--config NAME` sets. */
export const namedConfigs: Record<string, NamedConfig> = {
  vgg19: {
    summary: "VGG19 trained on the labelled images only",
    layer: { method: "supervised", model: "vgg19" },
  },
  "ipb-vgg": {
    summary: "iterative pseudo balancing, VGG19",
    layer: balanced,
  },
  "ms-ipb-vgg": {
    summary: "iterative pseudo balancing, multi-scale VGG19",
    layer: { ...balanced, model: "ms-vgg19" },
  },
  "ml-ipb-vgg": {
    summary: "iterative pseudo balancing, VGG19, multi-label images in U",
    layer: { ...balanced, data: { useMultiLabel: true } },
  },
  "ml-ms-ipb-vgg": {
    summary: "iterative pseudo balancing, multi-scale VGG19, multi-label images in U",
    layer: { ...balanced, model: "ms-vgg19", data: { useMultiLabel: true } },
  },
  "mpl-imbalanced": {
    summary: "meta pseudo labels without balancing, VGG19",
    layer: { ...balanced, meta: { balance: false } },
  },
  "mpl-balanced": {
    summary: "meta pseudo labels with balancing, VGG19: the same as ipb-vgg",
    layer: balanced,
  },
};
