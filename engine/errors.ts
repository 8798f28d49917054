/** What went wrong on the GPU side, so that callers can react to the kind and not to a message. */
export type GpuErrorKind =
  | "no-adapter"
  | "validation"
  | "out-of-memory"
  | "device-lost"
  | "shader"
  | "limit"
  | "internal";

/** An error of the adapter, the device or a kernel. The message names the op, its sizes and the limit. */
export class GpuError extends Error {
  override readonly name = "GpuError";
  constructor(
    readonly kind: GpuErrorKind,
    message: string,
  ) {
    super(message);
  }
}

/** What WebGPU reports of a command that went wrong. */
export function gpuErrorOf(error: GPUError): GpuError {
  const name = error.constructor.name;
  if (/ShaderModule|WGSL/i.test(error.message)) return new GpuError("shader", error.message);
  if (/OutOfMemory/i.test(name)) return new GpuError("out-of-memory", error.message);
  return new GpuError(/Validation/i.test(name) ? "validation" : "internal", error.message);
}

/** An error that the user can fix: the message names the file or key, the value found, and what to do. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** Shapes or arguments of an op that do not fit together: a programming error in the caller. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}
