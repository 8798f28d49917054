import type { Dispatch } from "../../engine/device.js";
import type { Device, Tensor } from "../../engine/index.js";

/**
 * The dispatches of some work, so that exactly they can be timed again and again: without the forward pass that a gradient needs,
 * and without the copy that seeds it.
 */
export function recorded(device: Device, work: () => void): readonly Dispatch[] {
  const dispatches: Dispatch[] = [];
  const before = device.observer;
  device.observer = {
    dispatch(dispatch) {
      dispatches.push(dispatch);
      return undefined;
    },
  };
  try {
    work();
  } finally {
    device.observer = before;
  }
  return dispatches;
}

/** Does recorded dispatches again, on the same tensors. */
export function replay(device: Device, dispatches: readonly Dispatch[]): void {
  for (const { kernel, bindings, params, grid, constants } of dispatches)
    device.run(kernel, bindings, params, grid, constants);
}

/** Releases tensors that a case made. */
export function releaseAll(device: Device, tensors: Iterable<Tensor>): void {
  for (const tensor of tensors) device.release(tensor);
}
