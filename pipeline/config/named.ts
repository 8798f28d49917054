import type { Layer } from "./layers.js";
import type { PresetName } from "./schema.js";

/** What a source sets, where that may depend on the preset. */
export type LayerByPreset = (preset: PresetName) => Layer;

/** A named configuration: a row of the article's tables 2 and 5. */
export interface NamedConfig {
  summary: string;
  layer: LayerByPreset;
}

/** Iterative pseudo balancing with one scale. Meta pseudo labels with balancing is the same thing by definition. */
const balanced: Layer = { method: "meta-pseudo-labels", model: "vgg19", meta: { balance: true } };
const multiLabel: Layer = { data: { useMultiLabel: true } };

/** Those of Contrastive Clustering's authors (Li et al. 2021). */
const clusteringRates: NonNullable<Layer["contrastive"]> = {
  lr: 3e-4,
  schedule: "constant",
  warmup: 0,
  optimizer: { name: "adam", weightDecay: 0 },
};

const always =
  (layer: Layer): LayerByPreset =>
  () =>
    layer;

/** The HRNet that fits a preset: the authors' w18 at full size, the small one where a CPU is to train it. */
const hrnet =
  (layer: Layer, scales: "single" | "multi" = "single"): LayerByPreset =>
  (preset) => {
    const size = preset === "full" ? "w18" : "small-v1";
    return { ...layer, model: scales === "multi" ? `ms-hrnet-${size}` : `hrnet-${size}` };
  };

/** What each `--config NAME` sets. */
export const namedConfigs: Record<string, NamedConfig> = {
  vgg19: {
    summary: "VGG19 trained on the labelled images only",
    layer: always({ method: "supervised", model: "vgg19" }),
  },
  hrnet: {
    summary: "HRNet trained on the labelled images only",
    layer: hrnet({ method: "supervised" }),
  },
  "ms-hrnet": {
    summary: "multi-scale HRNet trained on the labelled images only",
    layer: hrnet({ method: "supervised" }, "multi"),
  },
  "ipb-vgg": {
    summary: "iterative pseudo balancing, VGG19",
    layer: always(balanced),
  },
  "ms-ipb-vgg": {
    summary: "iterative pseudo balancing, multi-scale VGG19",
    layer: always({ ...balanced, model: "ms-vgg19" }),
  },
  "ml-ipb-vgg": {
    summary: "iterative pseudo balancing, VGG19, multi-label images in U",
    layer: always({ ...balanced, ...multiLabel }),
  },
  "ml-ms-ipb-vgg": {
    summary: "iterative pseudo balancing, multi-scale VGG19, multi-label images in U",
    layer: always({ ...balanced, ...multiLabel, model: "ms-vgg19" }),
  },
  "ms-ipb-hrnet": {
    summary: "iterative pseudo balancing, multi-scale HRNet",
    layer: hrnet(balanced, "multi"),
  },
  "ml-ipb-hrnet": {
    summary: "iterative pseudo balancing, HRNet, multi-label images in U",
    layer: hrnet({ ...balanced, ...multiLabel }),
  },
  "ml-ms-ipb-hrnet": {
    summary: "iterative pseudo balancing, multi-scale HRNet, multi-label images in U",
    layer: hrnet({ ...balanced, ...multiLabel }, "multi"),
  },
  simclr: {
    summary: "SimCLR, HRNet: contrastive learning without labels, then training on the labelled images",
    layer: hrnet({ method: "simclr" }),
  },
  "contrastive-clustering": {
    summary:
      "Contrastive Clustering, HRNet: clusters learnt without labels, matched to classes on the labelled images, then fine-tuned",
    layer: hrnet({ method: "contrastive-clustering", contrastive: clusteringRates }),
  },
  simtriplet: {
    summary: "SimTriplet, HRNet: adjacent patches have similar features, then training on the labelled images",
    layer: hrnet({ method: "simtriplet" }),
  },
  "mpl-imbalanced": {
    summary: "meta pseudo labels without balancing, HRNet",
    layer: hrnet({ ...balanced, meta: { balance: false } }),
  },
  "mpl-balanced": {
    summary: "meta pseudo labels with balancing, HRNet: with vgg19 the same as ipb-vgg",
    layer: hrnet(balanced),
  },
};
