export { type MemoryCounters, mebibytes } from "./buffers.js";
export { CapturedStep } from "./capture.js";
export {
  type AdapterInfo,
  adapterInfo,
  Device,
  type DeviceOptions,
  type Dispatch,
  type DispatchObserver,
  type Grid,
  listAdapters,
} from "./device.js";
export { GpuError, type GpuErrorKind, ShapeError, UserError } from "./errors.js";
export type { Kernel } from "./kernel.js";
export { openDevice } from "./openDevice.js";
export * from "./ops/batchNorm.js";
export * from "./ops/clusters.js";
export { type Conv2dOptions, conv2d } from "./ops/conv/conv2d.js";
export * from "./ops/linear.js";
export * from "./ops/loss.js";
export { type MatmulOptions, matmul } from "./ops/matmul.js";
export * from "./ops/negativeCosine.js";
export * from "./ops/ntXent.js";
export * from "./ops/pointwise.js";
export * from "./ops/pool.js";
export * from "./ops/reduce.js";
export * from "./ops/rows.js";
export * from "./ops/shape.js";
export * from "./optim/optimizer.js";
export * from "./optim/schedule.js";
export { type Parameter, ParameterArena, type ParameterSpec, TensorArena, type TorchLayout } from "./parameters.js";
export { Rng } from "./rng.js";
export { Tape, type TapeOptions } from "./tape.js";
export { type DType, formatShape, pitch, Tensor } from "./tensor.js";
export { type ChoiceRecord, Choices, type Request } from "./tuning/choices.js";
export { type Operands, type Operation, perform, type Variant } from "./tuning/operation.js";
export { type Tuned, type TuneOptions, tune } from "./tuning/tuner.js";
