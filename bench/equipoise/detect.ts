import type { Device } from "../../engine/index.js";
import { fillHoles, Objects, removeSmall } from "../../pipeline/detect/components.js";
import { detect } from "../../pipeline/detect/detect.js";
import {
  binarise,
  blur,
  type EntropyImage,
  localEntropy,
  opening,
  otsu,
  rescale,
} from "../../pipeline/detect/filters.js";
import { downloadImage, type GreyImage, uploadImage } from "../../pipeline/detect/image.js";
import { detectDefaults } from "../../pipeline/detect/options.js";
import type { Inputs, Prepared, Spec } from "../peers/serve.mjs";

/** Cases of colony detection: each stage on what the stage before it gave, and the whole of it. */

/** The inputs of all stages of one well. */
interface Stages {
  readonly grey: GreyImage;
  readonly blurred: GreyImage;
  readonly entropy: EntropyImage;
  readonly rescaled: GreyImage;
  readonly binary: GreyImage;
  readonly opened: GreyImage;
  readonly filled: GreyImage;
  readonly final: GreyImage;
}

type Prepare = (device: Device, spec: Spec, values: Inputs) => Promise<Prepared>;

const { entropyRadius, openingRadius, minSize } = detectDefaults;

function pixelsOf(values: Inputs): Uint8Array {
  if (!values.well) throw new Error('no values for the input "well"');
  return Uint8Array.from(values.well);
}

function threshold(device: Device, image: GreyImage): GreyImage {
  const found = otsu(device, image);
  const mask = binarise(device, image, found);
  device.release(found);
  return mask;
}

function stagesOf(device: Device, pixels: Uint8Array, side: number): Stages {
  const grey = uploadImage(device, pixels, side, side);
  const blurred = blur(device, grey);
  const entropy = localEntropy(device, blurred, entropyRadius);
  const rescaled = rescale(device, entropy);
  const binary = threshold(device, rescaled);
  const opened = opening(device, binary, openingRadius, "mask");
  const filled = fillHoles(device, opened);
  return { grey, blurred, entropy, rescaled, binary, opened, filled, final: removeSmall(device, filled, minSize) };
}

function releaseStages(device: Device, { entropy, ...images }: Stages): void {
  for (const { data } of Object.values(images)) device.release(data);
  device.release(entropy.hi);
  device.release(entropy.lo);
}

/** What a stage made: how to read and to release it. */
interface Made {
  read(): Promise<ArrayLike<number>>;
  release(): void;
}

const image = (device: Device, made: GreyImage): Made => ({
  read: () => downloadImage(device, made),
  release: () => device.release(made.data),
});

function entropyMade(device: Device, { hi, lo }: EntropyImage): Made {
  return {
    async read() {
      const [high, low] = [await device.readWords(hi), await device.readWords(lo)];
      return Float32Array.from(high, (word, i) => word * 2 ** -28 + (low[i] as number) * 2 ** -60);
    },
    release() {
      for (const tensor of [hi, lo]) device.release(tensor);
    },
  };
}

async function labelled(device: Device, { final, grey, entropy }: Stages): Promise<Made> {
  const objects = Objects.of(device, final);
  await objects.measure(grey, entropy);
  return { read: () => objects.labels(), release: () => objects.dispose() };
}

/** A case that computes one stage; the result of the last call is kept. */
function stage(compute: (device: Device, stages: Stages) => Made | Promise<Made>): Prepare {
  return async (device, spec, values) => {
    const stages = stagesOf(device, pixelsOf(values), spec.sizes.side as number);
    let made: Made | null = null;
    return {
      async run() {
        made?.release();
        made = await compute(device, stages);
      },
      sync: () => device.sync(),
      output: async () => Float32Array.from((await made?.read()) ?? []),
      finish() {
        made?.release();
        releaseStages(device, stages);
        return {};
      },
    };
  };
}

/** The whole detection as a user calls it: grey values from memory, the mask and the colonies back. */
function whole(order: "text" | "code"): Prepare {
  return async (device, spec, values) => {
    const side = spec.sizes.side as number;
    const pixels = pixelsOf(values);
    let mask: Uint8Array = new Uint8Array();
    let colonies = 0;
    return {
      async run() {
        const found = await detect(device, pixels, { w: side, h: side }, { ...detectDefaults, order });
        mask = found.mask;
        colonies = found.colonies.length;
      },
      sync: () => device.sync(),
      output: async () => Float32Array.from(mask),
      finish: () => ({ colonies }),
    };
  };
}

export const detectKinds: Readonly<Record<string, Prepare>> = {
  detect: whole("text"),
  "detect-code": whole("code"),
  "detect-blur": stage((device, { grey }) => image(device, blur(device, grey))),
  "detect-entropy": stage((device, { blurred }) => entropyMade(device, localEntropy(device, blurred, entropyRadius))),
  "detect-rescale": stage((device, { entropy }) => image(device, rescale(device, entropy))),
  "detect-otsu": stage((device, { rescaled }) => image(device, threshold(device, rescaled))),
  "detect-opening": stage((device, { binary }) => image(device, opening(device, binary, openingRadius, "mask"))),
  "detect-grey-opening": stage((device, { rescaled }) => image(device, opening(device, rescaled, openingRadius))),
  "detect-fill": stage((device, { opened }) => image(device, fillHoles(device, opened))),
  "detect-small": stage((device, { filled }) => image(device, removeSmall(device, filled, minSize))),
  "detect-label": stage(labelled),
};
