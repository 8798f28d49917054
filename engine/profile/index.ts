export { type Cost, costOf } from "./cost.js";
export { evaluate } from "./expression.js";
export { type Hints, sourceHints, workgroupSize } from "./hints.js";
export { type DispatchRecord, type ProfiledStep, Profiler, type Timing } from "./profiler.js";
export { dispatchTimes, type Roofline, roofline } from "./roofline.js";
export { type ProfileRow, quantile, rates, summarise } from "./summary.js";
export { type Trace, type TraceEvent, trace } from "./trace.js";
