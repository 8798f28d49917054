import { type Layers, type Shaped, smallScale } from "../layers.js";
import type { Architecture } from "../network.js";
import { bottleneck, convNormRelu, sequence, type Unit } from "./blocks.js";
import { type HrnetDescription, scaled, withoutCoarsest } from "./description.js";
import { head } from "./head.js";
import { type BranchUnit, openBranches, stageChain } from "./stages.js";

export interface HrnetOptions {
  /** Factor on all channels but those of the features. */
  readonly width: number;
  /** Length of a scale's feature vector: 128 (the authors' configuration) or 512 (the article's text). */
  readonly featureSize: number;
}

/** HRNet with one scale. @param name for messages, such as `hrnet-w18` */
export function hrnet(name: string, full: HrnetDescription, { width, featureSize }: HrnetOptions): Architecture {
  const network = scaled(full, width);
  const beginning = start(network);
  const { stages } = network;
  const open = openBranches("transition1", beginning.output, stages[0]?.channels ?? []);
  const body = stageChain(stages, "");
  const top = head({
    branches: stages.at(-1)?.channels ?? [],
    widths: network.head,
    final: network.final.single,
    features: featureSize,
    suffix: "",
  });
  return {
    name,
    referenceDefaults: "torch",
    declare(d, classes) {
      for (const part of [beginning, ...open, body, top]) part.declare(d);
      d.linear("classifier", featureSize, classes);
    },
    forward(layers, { x }) {
      const features = layers.keep(top.run(layers, stream(layers, beginning, open, body, x)));
      return { logits: layers.keep(layers.linear("classifier", features)), features };
    },
  };
}

/**
 * HRNet with two scales. Both use the same stem, first stage and first opening (so their batch norms see two batches per
 * pass, the big scale first); then each has stages of its own, the small one without the coarsest branch. `layer1_small` and
 * `transition1_small` are in the authors' state dict, but never used.
 */
export function msHrnet(name: string, full: HrnetDescription, { width, featureSize }: HrnetOptions): Architecture {
  const network = scaled(full, width);
  const beginning = start(network);
  const { stages } = network;
  const smallStages = withoutCoarsest(stages);
  const open = openBranches("transition1", beginning.output, stages[0]?.channels ?? []);
  const unused = [
    firstStage("layer1_small", network.stem, { ...network.stage1, blocks: network.unusedBlocks }, false),
    ...openBranches("transition1_small", beginning.output, smallStages[0]?.channels ?? [], false),
  ];
  const [body, smallBody] = [stageChain(stages, ""), stageChain(smallStages, "_small")];
  const [top, smallTop] = [
    { branches: stages.at(-1)?.channels ?? [], suffix: "" },
    { branches: smallStages.at(-1)?.channels ?? [], suffix: "_small" },
  ].map((own) => head({ ...own, widths: network.head, final: network.final.multi, features: featureSize })) as [
    ReturnType<typeof head>,
    ReturnType<typeof head>,
  ];
  return {
    name,
    referenceDefaults: "torch",
    declare(d, classes) {
      for (const part of [beginning, ...open, body, ...unused, smallBody, top, smallTop]) part.declare(d);
      d.batchNorm("classifier.0", 2 * featureSize);
      d.linear("classifier.1", 2 * featureSize, classes);
    },
    forward(layers, inputs) {
      const big = top.run(layers, stream(layers, beginning, open, body, inputs.x));
      const small = stream(layers, beginning, open.slice(0, 1), smallBody, smallScale(name, inputs));
      const features = layers.keep(layers.concatChannels([big, smallTop.run(layers, small)]));
      const normal = layers.batchNorm("classifier.0", features, { relu: false });
      return { logits: layers.keep(layers.linear("classifier.1", normal)), features };
    },
  };
}

/** The branches of one scale. */
function stream<T extends Shaped>(
  layers: Layers<T>,
  beginning: Unit,
  open: readonly Unit[],
  body: BranchUnit,
  image: T,
): T[] {
  const x = layers.hold(beginning.run(layers, image), open.length);
  return body.run(
    layers,
    open.map((unit) => unit.run(layers, x)),
  );
}

/** Two convolutions of stride 2, and the first stage: a quarter of the input's side. */
function start({ stem, stage1 }: HrnetDescription): Unit {
  return sequence([
    convNormRelu(["conv1", "bn1"], 1, stem, { kernel: 3, stride: 2 }),
    convNormRelu(["conv2", "bn2"], stem, stem, { kernel: 3, stride: 2 }),
    firstStage("layer1", stem, stage1),
  ]);
}

function firstStage(
  name: string,
  input: number,
  { blocks, channels }: HrnetDescription["stage1"],
  trainable = true,
): Unit {
  const units: Unit[] = [];
  for (let k = 0; k < blocks; k++) {
    units.push(bottleneck(`${name}.${k}`, units.at(-1)?.output ?? input, channels, trainable));
  }
  return sequence(units);
}
