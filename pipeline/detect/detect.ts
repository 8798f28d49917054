import { type Device, type Tensor, UserError } from "../../engine/index.js";
import { fillHoles, type MaskObject, Objects, removeSmall } from "./components.js";
import { binarise, blur, type EntropyImage, localEntropy, opening, otsu, rescale } from "./filters.js";
import { downloadImage, type GreyImage, uploadImage } from "./image.js";
import { checkDetectOptions, type DetectOptions, detectDefaults } from "./options.js";

/** Stages in the order in which they are computed; the entropy is the only one that is no grey image. */
export type StageName = "blur" | "rescaled" | "opened" | "binary" | "filled" | "final";

export interface Detection {
  /** w * h values, 255 in colonies, else 0. */
  readonly mask: Uint8Array;
  readonly colonies: MaskObject[];
  /** Grey values above this are foreground; null: the image is flat, so there is none. */
  readonly threshold: number | null;
  /** What the user should know: a flat image. */
  readonly warnings: string[];
}

/** Shown the stages, in their order, while they are on the GPU. */
export interface StageListener {
  image?(name: StageName, image: GreyImage): Promise<void>;
  entropy?(entropy: EntropyImage): Promise<void>;
  objects?(objects: Objects): Promise<void>;
}

/** What the GPU makes of a well, all of it still there. */
export interface Stages {
  readonly grey: GreyImage;
  /** By name, in the order in which they were computed. */
  readonly images: ReadonlyMap<StageName, GreyImage>;
  readonly entropy: EntropyImage;
  /** As `otsu` gives it. */
  readonly threshold: Tensor;
  readonly objects: Objects;
  /** Returns all tensors, the well's own image too. */
  release(): void;
}

/** Records all stages from an uploaded well to its labelled objects; it takes over `grey`, and nothing is read back. */
export function computeStages(device: Device, grey: GreyImage, options: DetectOptions): Stages {
  const images = new Map<StageName, GreyImage>();
  const keep = (name: StageName, image: GreyImage) => {
    images.set(name, image);
    return image;
  };
  const source = options.blur ? keep("blur", blur(device, grey)) : grey;
  const entropy = localEntropy(device, source, options.entropyRadius);
  const rescaled = keep("rescaled", rescale(device, entropy));
  const open = (image: GreyImage, values: "grey" | "mask") =>
    keep("opened", opening(device, image, options.openingRadius, values));
  const base = options.order === "code" ? open(rescaled, "grey") : rescaled;
  const threshold = otsu(device, base);
  const binary = keep("binary", binarise(device, base, threshold));
  const solid = options.order === "text" ? open(binary, "mask") : binary;
  const filled = keep("filled", fillHoles(device, solid));
  const objects = Objects.of(device, keep("final", removeSmall(device, filled, options.minSize)));
  const release = () => {
    objects.dispose();
    for (const { data } of [grey, ...images.values()]) device.release(data);
    for (const tensor of [entropy.hi, entropy.lo, threshold]) device.release(tensor);
  };
  return { grey, images, entropy, threshold, objects, release };
}

/**
 * Finds the colonies of a well. Nothing is read from the GPU between the stages.
 * @param pixels w * h grey values, row-major
 * @throws UserError if an option is out of its range or the image is larger than the adapter binds
 */
export async function detect(
  device: Device,
  pixels: Uint8Array,
  size: { readonly w: number; readonly h: number },
  options: DetectOptions = detectDefaults,
  listener: StageListener = {},
): Promise<Detection> {
  checkDetectOptions(options);
  checkSize(device, size);
  const stages = computeStages(device, uploadImage(device, pixels, size.w, size.h), options);
  try {
    const { images, entropy, objects } = stages;
    for (const [name, image] of images) {
      if (name === "rescaled") await listener.entropy?.(entropy);
      await listener.image?.(name, image);
    }
    await listener.objects?.(objects);
    const colonies = await objects.measure(stages.grey, entropy);
    const mask = await downloadImage(device, images.get("final") as GreyImage);
    return outcome(mask, colonies, await device.readWords(stages.threshold));
  } finally {
    stages.release();
  }
}

function outcome(mask: Uint8Array, colonies: MaskObject[], otsuWords: Uint32Array): Detection {
  const [first = 0, bin = 0, least = 0, most = 0] = otsuWords;
  if (first <= 255) return { mask, colonies, threshold: least + ((bin + 0.5) * (most - least)) / 256, warnings: [] };
  return { mask, colonies, threshold: null, warnings: ["the image is flat: there is nothing to tell colonies by"] };
}

/** The labels take four bytes per pixel in one buffer. */
function checkSize(device: Device, { w, h }: { w: number; h: number }): void {
  const most = Math.floor(device.limits.maxStorageBufferBindingSize / 4) - 1;
  if (w * h <= most) return;
  throw new UserError(`the image has ${w}x${h} pixels; this adapter takes up to ${most} at once: cut it into parts`);
}
