export { evaluateRun } from "./evaluateRun.js";
export { predictRun } from "./predictRun.js";
export { resumeRun, trainRun } from "./trainRun.js";
export type * from "./types.js";
