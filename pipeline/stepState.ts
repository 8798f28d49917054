import type { Device, Tensor } from "../engine/index.js";

/** Dropout of a step: probability, and [seed, step] on the GPU. */
export interface Dropout {
  readonly p: number;
  readonly state: Tensor;
}

/** Scalars that a step leaves on the GPU, side by side, until somebody reads them. */
export class StepScalars<Name extends string> {
  /** f32 [names]. */
  readonly values: Tensor;

  constructor(
    private readonly device: Device,
    readonly names: readonly Name[],
  ) {
    this.values = device.zeros([names.length], "step scalars");
  }

  /** Copies one-element tensors to their places. */
  store(scalars: { readonly [K in Name]?: Tensor }): void {
    this.names.forEach((name, i) => {
      const scalar: Tensor | undefined = scalars[name];
      if (scalar) this.device.copyRange(scalar, 0, this.values, i * 4, 4);
    });
  }

  release(): void {
    this.device.release(this.values);
  }
}
