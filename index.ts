/** The package `equipoise`: engine, models and pipeline. `equipoise/node` opens a device in Node. */
export * from "./engine/index.js";
export * from "./models/index.js";
export * from "./pipeline/index.js";
