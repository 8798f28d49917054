import { formatShape, type TorchLayout, UserError } from "../engine/index.js";
import { type RawTensor, toFloat32 } from "./safetensors.js";

/** Engine values (conv [KH,KW,I,O], linear [1,1,I,O]) -> torch (conv [O,I,KH,KW], linear [O,I]). */
export function toTorch(values: Float32Array<ArrayBuffer>, shape: readonly number[], layout: TorchLayout): RawTensor {
  if (layout === "same") return { dtype: "F32", shape: [...shape], data: values };
  const [kh, kw, i, o] = shape as [number, number, number, number];
  const data = new Float32Array(values.length);
  for (let k = 0; k < kh * kw; k++) {
    for (let ci = 0; ci < i; ci++) {
      for (let co = 0; co < o; co++) data[(co * i + ci) * kh * kw + k] = values[(k * i + ci) * o + co] as number;
    }
  }
  return { dtype: "F32", shape: layout === "conv" ? [o, i, kh, kw] : [o, i], data };
}

/**
 * Torch's values -> the engine's layout.
 * @throws UserError naming source, tensor, both shapes.
 */
export function fromTorch(
  tensor: RawTensor,
  shape: readonly number[],
  layout: TorchLayout,
  name: string,
  source: string,
): Float32Array {
  const [kh, kw, i, o] = layout === "same" ? [1, 1, 1, 1] : (shape as [number, number, number, number]);
  const expected = layout === "same" ? shape : layout === "conv" ? [o, i, kh, kw] : [o, i];
  if (formatShape(tensor.shape) !== formatShape(expected)) {
    throw new UserError(
      `${source}: tensor "${name}" has shape ${formatShape(tensor.shape)}, the network needs ${formatShape(expected)}`,
    );
  }
  const values = toFloat32(tensor);
  if (layout === "same") return values;
  const data = new Float32Array(values.length);
  for (let k = 0; k < kh * kw; k++) {
    for (let ci = 0; ci < i; ci++) {
      for (let co = 0; co < o; co++) data[(k * i + ci) * o + co] = values[(co * i + ci) * kh * kw + k] as number;
    }
  }
  return data;
}
