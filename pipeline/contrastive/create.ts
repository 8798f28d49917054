import type { Device } from "../../engine/index.js";
import { summarizeModel } from "../../models/index.js";
import type { Config } from "../config/schema.js";
import { modelOf } from "../run/limits.js";
import { Clustering } from "./clustering.js";
import type { Objective } from "./objective.js";
import { SimClr } from "./simClr.js";
import { SimTriplet } from "./simTriplet.js";

/** What a configuration's method asks of views; the caller releases it. */
export function createObjective(device: Device, config: Config, classes: number): Objective {
  const { method, contrastive } = config;
  if (method !== "contrastive-clustering" && method !== "simtriplet") return new SimClr(contrastive);
  const { features } = summarizeModel({ ...modelOf(config), classes });
  return method === "simtriplet" ? new SimTriplet(device, config, features) : new Clustering(device, config, features);
}
