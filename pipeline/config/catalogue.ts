import { isMultiScale } from "../../models/catalogue.js";
import type { Method } from "../methods.js";
import { namedConfigs } from "./named.js";
import { resolveConfig } from "./resolve.js";
import type { Config } from "./schema.js";

/** What `equipoise configs` says of a named configuration, at the size `full`. */
export interface ConfigFacts {
  name: string;
  summary: string;
  method: Method;
  /** Network at full size; the other presets may take a smaller one of the family. */
  network: string;
  /** Sides of the patches that the network sees, px. */
  scales: number[];
  /** Whether images without a label take part in training. */
  unlabelled: boolean;
  /** Whether images with several classes are among the unlabelled ones. */
  multiLabel: boolean;
  /** Whether unlabelled images are drawn so that predicted classes come equally often; null: the method draws none so. */
  balanced: boolean | null;
  /** Where the method is from. */
  source: string;
}

const article = "Witmer & Bhanu, Sci. Rep. 14:4489 (2024)";
const vgg = "Simonyan & Zisserman, ICLR 2015 (VGG)";
const hrnet = "Wang et al., TPAMI 43(10) (2021) (HRNet)";

/** Sources of the methods that do not depend on a setting. */
const sources: Partial<Record<string, string>> = {
  simclr: "Chen et al., ICML 2020 (SimCLR)",
  fixmatch: "Sohn et al., NeurIPS 2020 (FixMatch)",
  "contrastive-clustering": "Li et al., AAAI 2021 (Contrastive Clustering)",
  simtriplet: "Liu et al., MICCAI 2021 (SimTriplet)",
};

/** Every named configuration with its method, network, scales and source. */
export function listConfigs(): ConfigFacts[] {
  return Object.entries(namedConfigs).map(([name, { summary }]) => {
    const config = resolveConfig({ config: name, preset: "full" });
    const { size, smallSize } = config.patch;
    return {
      name,
      summary,
      method: config.method,
      network: config.model,
      scales: isMultiScale(config.model) && smallSize !== null ? [size, smallSize] : [size],
      unlabelled: config.method !== "supervised",
      multiLabel: config.data.useMultiLabel,
      balanced: config.method === "meta-pseudo-labels" ? config.meta.balance : null,
      source: sourceOf(config),
    };
  });
}

/** Where the method of a configuration is from. */
export function sourceOf({ method, model, meta }: Config): string {
  const network = model.includes("hrnet") ? hrnet : vgg;
  if (method === "supervised") return network;
  if (method === "meta-pseudo-labels")
    return meta.balance ? `${article} (IPB)` : "Pham et al., CVPR 2021 (Meta Pseudo Labels)";
  return sources[method] ?? article;
}
