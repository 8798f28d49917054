/** Synthetic phase-contrast colonies; see docs/synth.md. */

export {
  MULTI_LABEL,
  SYNTH_CLASSES,
  type SynthClass,
  type SynthFolder,
  type SynthParameters,
  type SynthPresetName,
  synthParameters,
} from "./parameters.js";
export { encodeGrey, type SynthJob, type SynthRecord } from "./render.js";
export { type SynthOptions, type SynthSummary, synthesise } from "./synthesise.js";
