/** The package `equipoise`: engine and models. `equipoise/node` opens a device in Node. */
export * from "./engine/index.js";
export * from "./models/index.js";
