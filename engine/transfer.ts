import { BufferUsage } from "./buffers.js";
import type { Commands } from "./commands.js";
import { GpuError } from "./errors.js";
import { formatShape, padValues, type Tensor, unpadValues } from "./tensor.js";

/** Logical, row-major values as they lie in the memory of a tensor. @throws GpuError if there are more or fewer than it has */
export function bytesOf(tensor: Tensor, values: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  if (values.length !== tensor.size)
    throw new GpuError("internal", `${tensor.label}: ${values.length} values for shape ${formatShape(tensor.shape)}`);
  const typed =
    tensor.dtype === "u32"
      ? Uint32Array.from(values)
      : values instanceof Float32Array
        ? values
        : Float32Array.from(values);
  const padded = padValues(typed, tensor.dim(-1));
  return new Uint8Array(padded.buffer as ArrayBuffer, padded.byteOffset, padded.byteLength);
}

/** The logical, row-major values of a tensor's memory, as floats. */
export function valuesOf(tensor: Tensor, memory: ArrayBuffer): Float32Array<ArrayBuffer> {
  return tensor.dtype === "u32"
    ? Float32Array.from(unpadValues(new Uint32Array(memory), tensor.dim(-1)))
    : unpadValues(new Float32Array(memory), tensor.dim(-1));
}

/** @throws GpuError unless the tensor's memory is its words and nothing else */
export function requireWords({ label, dtype, shape, pitch }: Tensor): void {
  if (dtype === "u32" && pitch === shape.at(-1)) return;
  throw new GpuError("internal", `${label}: holds no plain words (${dtype} ${formatShape(shape)})`);
}

/** Copies a tensor's memory to the host, behind all commands so far. @param wait how the host waits for the GPU */
export async function download(
  gpu: GPUDevice,
  commands: Commands,
  tensor: Tensor,
  wait: (start: () => Promise<undefined>) => Promise<undefined>,
): Promise<ArrayBuffer> {
  const size = Math.ceil(tensor.bytes / 4) * 4;
  const usage = BufferUsage.mapRead | BufferUsage.copyDst;
  const staging = gpu.createBuffer({ size, usage, label: `read ${tensor.label}` });
  try {
    commands.copy(tensor.buffer.gpu, tensor.byteOffset, staging, 0, size);
    commands.flush();
    await wait(() => staging.mapAsync(1));
    return staging.getMappedRange().slice(0);
  } finally {
    staging.destroy();
  }
}
