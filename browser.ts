/** What runs in a browser: `dist/browser/engine.js` is this module in one file. */
export * from "./engine/index.js";
export * from "./models/index.js";
