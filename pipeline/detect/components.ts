import * as kernels from "../../engine/generated/kernels.js";
import type { Device, Tensor } from "../../engine/index.js";
import { itemGrid } from "../../engine/stream.js";
import { type EntropyImage, entropyUnit } from "./filters.js";
import { emptyImage, type GreyImage } from "./image.js";

/** Connected components of masks on the GPU: hole filling, small objects, labels and measures. */

/** One component of a mask. The box is half-open: rows min to max - 1. */
export interface MaskObject {
  readonly minRow: number;
  readonly minCol: number;
  readonly maxRow: number;
  readonly maxCol: number;
  /** px */
  readonly area: number;
  /** Mean grey value of the image, 0 to 255. */
  readonly meanIntensity: number;
  /** Mean local entropy, bits. */
  readonly meanEntropy: number;
}

/** Components of a mask: `parent` [1 + w*h] gives each pixel's root, the component's first pixel. */
interface Components {
  readonly parent: Tensor;
  /** u32 [1 + w*h], only at roots: pixels of the component. Zeros without `areas`. */
  readonly area: Tensor;
}

function components(
  device: Device,
  mask: GreyImage,
  options: { holes: boolean; eight: boolean; areas: boolean },
): Components {
  const { w, h, words, data } = mask;
  const parent = device.empty([1 + w * h, 1], "components", "u32");
  const area = options.areas ? device.zeros([1 + w * h, 1], "areas", "u32") : device.empty([1, 1], "no areas", "u32");
  const { grid, constants } = itemGrid(device, h);
  device.run(kernels.componentRuns, { mask: data, parent }, { w, h, words }, grid, {
    ...constants,
    HOLES: options.holes,
  });
  device.run(kernels.componentMerge, { parent }, { w, h }, grid, { ...constants, EIGHT: options.eight });
  device.run(kernels.componentRoots, { parent, area }, { w, h }, grid, { ...constants, AREAS: options.areas });
  return { parent, area };
}

function release(device: Device, { parent, area }: Components): void {
  device.release(parent);
  device.release(area);
}

/** Adds the background that does not reach the border by 4-connected steps, as `scipy.ndimage.binary_fill_holes`. */
export function fillHoles(device: Device, mask: GreyImage): GreyImage {
  const { w, h, words } = mask;
  const background = components(device, mask, { holes: true, eight: false, areas: false });
  const y = emptyImage(device, w, h, "filled");
  const { grid, constants } = itemGrid(device, words * h);
  device.run(
    kernels.fillHoles,
    { mask: mask.data, parent: background.parent, y: y.data },
    { w, h, words },
    grid,
    constants,
  );
  release(device, background);
  return y;
}

/** Removes 4-connected components of fewer than `least` pixels, as `skimage.morphology.remove_small_objects`. */
export function removeSmall(device: Device, mask: GreyImage, least: number): GreyImage {
  const { w, h, words } = mask;
  const objects = components(device, mask, { holes: false, eight: false, areas: true });
  const y = emptyImage(device, w, h, "without small objects");
  const { grid, constants } = itemGrid(device, words * h);
  device.run(kernels.removeSmall, { mask: mask.data, ...objects, y: y.data }, { w, h, words, least }, grid, constants);
  release(device, objects);
  return y;
}

/** u32 per object in `object_measures`. */
const fields = 9;

/** The 8-connected components of a mask in the order of their first pixel, as `skimage.measure.label` numbers them. */
export class Objects {
  private constructor(
    private readonly device: Device,
    private readonly mask: GreyImage,
    private readonly parent: Tensor,
    private readonly number: Tensor,
    private readonly starts: Tensor,
  ) {}

  /** Labels on the GPU; `dispose()` returns the tensors. */
  static of(device: Device, mask: GreyImage): Objects {
    const { w, h } = mask;
    const { parent, area } = components(device, mask, { holes: false, eight: true, areas: false });
    device.release(area);
    const starts = device.empty([h + 1, 1], "objects per row", "u32");
    const number = device.empty([1 + w * h, 1], "object numbers", "u32");
    const { grid, constants } = itemGrid(device, h);
    device.run(kernels.objectCount, { parent, starts }, { w, h }, grid, constants);
    device.run(kernels.objectScan, { starts }, { h }, [1, 1, 1]);
    device.run(kernels.objectNumber, { parent, starts, number }, { w, h }, grid, constants);
    return new Objects(device, mask, parent, number, starts);
  }

  async count(): Promise<number> {
    return (await this.device.readWords(this.starts)).at(-1) as number;
  }

  /** Boxes and measures of all objects. @param grey the image that the mask was found in @param entropy its entropy */
  async measure(grey: GreyImage, entropy: EntropyImage): Promise<MaskObject[]> {
    const { device } = this;
    const most = await this.count();
    if (most === 0) return [];
    const { w, h, words } = this.mask;
    const measures = device.zeros([most * fields, 1], "object measures", "u32");
    const { grid, constants } = itemGrid(device, h);
    const bindings = { parent: this.parent, number: this.number, grey: grey.data, entropy: entropy.hi, measures };
    device.run(kernels.objectMeasures, bindings, { w, h, words, most, fields }, grid, constants);
    const values = await device.readWords(measures);
    device.release(measures);
    return Array.from({ length: most }, (_, i) => object(values.subarray(i * fields, (i + 1) * fields), w, h));
  }

  /** Label of each pixel, row-major: 0 is background, objects count from 1. */
  async labels(): Promise<Uint32Array> {
    const [parent, number] = [await this.device.readWords(this.parent), await this.device.readWords(this.number)];
    return Uint32Array.from({ length: this.mask.w * this.mask.h }, (_, i) => {
      const root = parent[i + 1] as number;
      return root === 0xffffffff ? 0 : (number[root] as number) + 1;
    });
  }

  dispose(): void {
    for (const tensor of [this.parent, this.number, this.starts]) this.device.release(tensor);
  }
}

function object(v: Uint32Array, w: number, h: number): MaskObject {
  const wide = (at: number) => (v[at] as number) + (v[at + 1] as number) * 2 ** 32;
  const area = v[4] as number;
  return {
    minRow: h - (v[0] as number),
    minCol: w - (v[1] as number),
    maxRow: v[2] as number,
    maxCol: v[3] as number,
    area,
    meanIntensity: wide(5) / area,
    meanEntropy: (wide(7) * entropyUnit) / area,
  };
}
