import type { Dispatch } from "../../engine/device.js";

/**
 * Floating-point operations of a dispatch of a convolution or matrix product, two per multiply-add; 0 for all other kernels, which
 * move memory. Linear layers are convolutions of 1x1 images.
 */
export function dispatchFlops({ kernel, params }: Pick<Dispatch, "kernel" | "params">): number {
  const at = (name: string) => params?.[name] ?? 0;
  if (kernel.name.startsWith("gemm")) return 2 * at("m") * at("n") * at("k");
  if (!kernel.name.startsWith("conv2d")) return 0;
  return 2 * at("n") * at("oh") * at("ow") * at("kh") * at("kw") * at("ci") * at("co4") * 4;
}
