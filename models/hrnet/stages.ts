import type { Declarations } from "../declarations.js";
import type { Layers, Shaped } from "../layers.js";
import { basicBlock, type ConvNorm, convNorm, convNormRelu, sequence, type Unit } from "./blocks.js";
import type { StageDescription } from "./description.js";

/** A piece of a network that works on all branches at once, finest first; each is half the size of the one before. */
export interface BranchUnit {
  declare(d: Declarations): void;
  run<T extends Shaped>(layers: Layers<T>, branches: readonly T[]): T[];
}

/** The way from branch j to branch i of a fusion. */
interface Path {
  declare(d: Declarations): void;
  /** Adds branch j, brought to the shape of branch i, to `sum` (null: to nothing), with ReLU behind the last term. */
  add<T extends Shaped>(layers: Layers<T>, x: T, sum: T | null, relu: boolean): T;
}

/** The modules of a stage, all on the same branches. @param name torch name, `stage2` for example */
export function stage(name: string, { modules, blocks, channels }: StageDescription): BranchUnit {
  const list = Array.from({ length: modules }, (_, i) => highResolutionModule(`${name}.${i}`, channels, blocks));
  return {
    declare(d) {
      for (const module of list) module.declare(d);
    },
    run<T extends Shaped>(layers: Layers<T>, branches: readonly T[]): T[] {
      return list.reduce<T[]>((values, module) => module.run(layers, values), [...branches]);
    },
  };
}

/** BasicBlocks on every branch, then each branch becomes the sum of all, brought to its shape (Wang et al. 2020, sec. 3). */
function highResolutionModule(name: string, channels: readonly number[], blocks: number): BranchUnit {
  const branches = channels.map((width, i) =>
    sequence(Array.from({ length: blocks }, (_, k) => basicBlock(`${name}.branches.${i}.${k}`, width))),
  );
  const n = channels.length;
  // A single branch has nothing to be fused with.
  const paths = n < 2 ? [] : channels.map((_, i) => channels.map((_, j) => path(name, channels, i, j)));
  return {
    declare(d) {
      for (const branch of branches) branch.declare(d);
      for (const path of paths.flat()) path.declare(d);
    },
    run<T extends Shaped>(layers: Layers<T>, values: readonly T[]): T[] {
      const ends = branches.map((branch, i) => branch.run(layers, values[i] as T));
      if (n < 2) return ends;
      for (const end of ends) layers.hold(end, n);
      return paths.map((row) => {
        const sum = row.reduce<T | null>((value, path, j) => path.add(layers, ends[j] as T, value, j === n - 1), null);
        return sum as T;
      });
    },
  };
}

function path(name: string, channels: readonly number[], i: number, j: number): Path {
  const prefix = `${name}.fuse_layers.${i}.${j}`;
  if (j === i) return same;
  if (j > i) return upward(prefix, channels[j] as number, channels[i] as number, 2 ** (j - i));
  return downward(prefix, channels[j] as number, channels[i] as number, i - j);
}

const same: Path = {
  declare() {},
  add(layers, x, sum, relu) {
    if (sum === null) return x;
    const y = layers.add(sum, x);
    return relu ? layers.relu(y) : y;
  },
};

/** From a coarser branch: 1x1 convolution, batch norm, every pixel repeated. */
function upward(name: string, input: number, output: number, factor: number): Path {
  const unit = convNorm([`${name}.0`, `${name}.1`], input, output, { kernel: 1 });
  return {
    declare: unit.declare,
    add: (layers, x, sum, relu) =>
      same.add(layers, layers.upsample(unit.run(layers, x, { relu: false }), factor), sum, relu),
  };
}

/** From a finer branch: 3x3 convolutions of stride 2, as many as there are halvings; the width changes in the last. */
function downward(name: string, input: number, output: number, halvings: number): Path {
  const link = (k: number, width: number): ConvNorm =>
    convNorm([`${name}.${k}.0`, `${name}.${k}.1`], input, width, { kernel: 3, stride: 2 });
  const links = Array.from({ length: halvings }, (_, k) => link(k, k === halvings - 1 ? output : input));
  return {
    declare(d) {
      for (const one of links) one.declare(d);
    },
    add(layers, x, sum, relu) {
      return links.reduce(
        (value, one, k) =>
          k < halvings - 1
            ? one.run(layers, value, { relu: true })
            : one.run(layers, value, sum === null ? { relu } : { relu, add: sum }),
        x,
      );
    },
  };
}

/** Opens the branches of the first stage on the stem's output: one convolution each. @returns a unit per branch */
export function openBranches(name: string, input: number, channels: readonly number[], trainable = true): Unit[] {
  return channels.map((output, i) =>
    i === 0
      ? convNormRelu([`${name}.0.0`, `${name}.0.1`], input, output, { kernel: 3, trainable })
      : newBranch(name, i, input, output),
  );
}

/** Adds a branch of half the size, made from the coarsest one. */
export function newBranch(name: string, index: number, input: number, output: number): Unit {
  return convNormRelu([`${name}.${index}.0.0`, `${name}.${index}.0.1`], input, output, { kernel: 3, stride: 2 });
}

/**
 * Stages 2 to 4 with what opens a new branch before each but the first.
 * @param suffix `` or `_small`, behind the torch names
 */
export function stageChain(stages: readonly StageDescription[], suffix: string): BranchUnit {
  const list = stages.map((description, k) => stage(`stage${k + 2}${suffix}`, description));
  const openings = stages.slice(1).map(({ channels }, k) => {
    const n = channels.length;
    return newBranch(`transition${k + 2}${suffix}`, n - 1, channels[n - 2] as number, channels[n - 1] as number);
  });
  return {
    declare(d) {
      list.forEach((one, k) => {
        if (k > 0) openings[k - 1]?.declare(d);
        one.declare(d);
      });
    },
    run<T extends Shaped>(layers: Layers<T>, first: readonly T[]): T[] {
      let branches = [...first];
      list.forEach((one, k) => {
        const opening = openings[k - 1];
        if (opening) branches.push(opening.run(layers, layers.hold(branches.at(-1) as T, 2)));
        branches = one.run(layers, branches);
      });
      return branches;
    },
  };
}
