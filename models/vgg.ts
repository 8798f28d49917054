import { ShapeError } from "../engine/errors.js";
import type { Declarations } from "./declarations.js";
import { type Layers, type Shaped, smallScale } from "./layers.js";
import type { Architecture } from "./network.js";

/** One stream of 3x3 convolutions, each with batch norm and ReLU; "P" is a 2x2 max pool. */
type Stream = readonly (number | "P")[];

const vgg19Stream: Stream = [
  64,
  64,
  "P",
  128,
  128,
  "P",
  256,
  256,
  256,
  256,
  512,
  "P",
  512,
  512,
  512,
  "P",
  512,
  512,
  512,
  512,
  "P",
  512,
  "P",
];
const bigStream: Stream = [
  64,
  "P",
  128,
  "P",
  128,
  "P",
  256,
  "P",
  256,
  256,
  "P",
  256,
  "P",
  512,
  512,
  512,
  512,
  512,
  "P",
];
const smallStream: Stream = [64, "P", 128, "P", 128, "P", 256, "P", 256, "P", 256, 512, 512, 512, 512, "P"];

/** Five convolutions for small images: at width 1/8 117,700 parameters with four classes at 32 px. */
const compactStream: Stream = [128, "P", 256, "P", 512, 512, "P", 768, "P"];

/** Width of the embedding that both heads hand to the classifier. */
const featureSize = 128;

/**
 * The authors' VGG19 (their torch names): 17 convolutions, projection 2048-512-128, classifier 128-128-128-classes.
 * @param width factor on the convolutions' channels @param input side of the square patch, a multiple of 64
 */
export function vgg19(width: number, input: number): Architecture {
  const side = Math.floor(input / 64);
  if (side < 1 || input % 64 !== 0) throw new ShapeError(`vgg19: input is ${input} px, it must be a multiple of 64`);
  const stream = scaled(vgg19Stream, width);
  const flat = lastWidth(stream) * side * side;
  return {
    name: "vgg19",
    referenceDefaults: "small-normal",
    declare(d, classes) {
      declareStream(d, "features", stream);
      d.linear("projection.0", flat, 512);
      d.linear("projection.2", 512, featureSize);
      declareClassifier(d, classes);
    },
    forward(layers, inputs) {
      const vector = layers.flatten(runStream(layers, "features", stream, inputs.x));
      const features = layers.keep(layers.linear("projection.2", layers.relu(layers.linear("projection.0", vector))));
      return { logits: classify(layers, features), features };
    },
  };
}

/**
 * The authors' multi-scale VGG: one stream per scale, concatenated (big first), batch norm, projection 1024-256-128, classifier.
 * `scale` is in their state dict but unused. @param width factor on the convolutions' channels
 */
export function msVgg19(width: number): Architecture {
  const [big, small] = [scaled(bigStream, width), scaled(smallStream, width)];
  const joined = lastWidth(big) + lastWidth(small);
  return {
    name: "ms-vgg19",
    referenceDefaults: "small-normal",
    declare(d, classes) {
      declareStream(d, "features_256", big);
      declareStream(d, "features_128", small);
      d.batchNorm("projection.0", joined);
      d.linear("projection.1", joined, 256);
      d.linear("projection.3", 256, featureSize);
      declareClassifier(d, classes);
      d.linear("scale", 2048, 512, false);
    },
    forward(layers, inputs) {
      const vectors = [
        layers.flatten(runStream(layers, "features_256", big, inputs.x)),
        layers.flatten(runStream(layers, "features_128", small, smallScale("ms-vgg19", inputs))),
      ];
      const normal = layers.batchNorm("projection.0", layers.concatChannels(vectors), { relu: false });
      const features = layers.keep(layers.linear("projection.3", layers.relu(layers.linear("projection.1", normal))));
      return { logits: classify(layers, features), features };
    },
  };
}

/**
 * A small VGG of this project, for small images and CPUs: five convolutions, features are the last one's pixels, one linear layer.
 * @param width factor on the channels @param input side of the square patch, a multiple of 16
 */
export function vggCompact(width: number, input: number): Architecture {
  const side = Math.floor(input / 16);
  if (side < 1 || input % 16 !== 0)
    throw new ShapeError(`vgg-compact: input is ${input} px, it must be a multiple of 16`);
  const stream = scaled(compactStream, width);
  const flat = lastWidth(stream) * side * side;
  return {
    name: "vgg-compact",
    referenceDefaults: "small-normal",
    declare(d, classes) {
      declareStream(d, "features", stream);
      d.linear("classifier.0", flat, classes);
    },
    forward(layers, inputs) {
      const features = layers.keep(layers.flatten(runStream(layers, "features", stream, inputs.x)));
      const logits = layers.keep(layers.linear("classifier.0", layers.dropout(features)));
      return { logits, features };
    },
  };
}

function scaled(stream: Stream, width: number): Stream {
  return stream.map((c) => {
    if (c === "P") return c;
    const channels = c * width;
    if (!Number.isInteger(channels) || channels < 4)
      throw new ShapeError(
        `vgg: width ${width} gives ${channels} channels where the full network has ${c}; use a multiple of 1/16`,
      );
    return channels;
  });
}

function lastWidth(stream: Stream): number {
  return stream.findLast((c) => c !== "P") as number;
}

function declareStream(d: Declarations, prefix: string, stream: Stream): void {
  let input = 1;
  let index = 0;
  for (const c of stream) {
    if (c === "P") {
      index += 1;
      continue;
    }
    d.conv(`${prefix}.${index}`, 3, input, c);
    d.batchNorm(`${prefix}.${index + 1}`, c);
    input = c;
    index += 3;
  }
}

/** torch's `Sequential` counts conv, norm, ReLU and pool as one layer each. */
function runStream<T extends Shaped>(layers: Layers<T>, prefix: string, stream: Stream, image: T): T {
  let index = 0;
  let x = image;
  for (const c of stream) {
    if (c === "P") {
      x = layers.maxPool(x);
      index += 1;
    } else {
      x = layers.batchNorm(`${prefix}.${index + 1}`, layers.conv(`${prefix}.${index}`, x), { relu: true });
      index += 3;
    }
  }
  return x;
}

function declareClassifier(d: Declarations, classes: number): void {
  d.linear("classifier.0", featureSize, 128);
  d.linear("classifier.3", 128, 128);
  d.linear("classifier.6", 128, classes);
}

function classify<T extends Shaped>(layers: Layers<T>, features: T): T {
  const first = layers.dropout(layers.relu(layers.linear("classifier.0", features)));
  const second = layers.dropout(layers.relu(layers.linear("classifier.3", first)));
  return layers.keep(layers.linear("classifier.6", second));
}
