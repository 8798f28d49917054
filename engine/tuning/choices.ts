import type { Device } from "../device.js";
import { GpuError } from "../errors.js";
import type { Operands, Operation, Variant } from "./operation.js";

/** A call that an operation has got, kept as an example of its shape class. */
export interface Request {
  readonly operation: Operation<unknown, Operands>;
  readonly geometry: unknown;
}

/** Variant names by "operation shape-class", as stored in caches, runs and checkpoints. */
export type ChoiceRecord = Readonly<Record<string, string>>;

/**
 * Which variant computes each operation and shape class. What has been used once stays: the same choices repeat bitwise.
 */
export class Choices {
  private known = none();

  /** One example call per shape class that has come up, for the tuner. */
  get requests(): ReadonlyMap<string, Request> {
    return this.known.requests;
  }

  variant<G, T extends Operands>(device: Device, operation: Operation<G, T>, geometry: G): Variant<G, T> {
    const key = `${operation.name} ${operation.shapeClass(geometry)}`;
    const { names, variants, requests } = this.known;
    const known = variants.get(key) as Variant<G, T> | undefined;
    if (known?.fits(device, geometry)) return known;
    const named = operation.variants.find((v) => v.name === names.get(key) && v.fits(device, geometry));
    const variant = named ?? preferred(device, operation, geometry);
    requests.set(key, { operation: operation as unknown as Operation<unknown, Operands>, geometry });
    names.set(key, variant.name);
    variants.set(key, variant as unknown as Variant<never, never>);
    return variant;
  }

  /** The choices that were used or set. */
  record(): ChoiceRecord {
    return Object.fromEntries([...this.known.names].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Sets choices, from a cache or a run. A name that is unknown or does not fit gives way to the preferred variant. */
  set(record: ChoiceRecord): void {
    for (const [key, name] of Object.entries(record)) {
      this.known.names.set(key, name);
      this.known.variants.delete(key);
    }
  }

  /** Forgets what was used and set before, and sets these choices: for a run on a device that has done other work. */
  replace(record: ChoiceRecord): void {
    this.known = none();
    this.set(record);
  }

  /** Runs work with these choices and no others, then goes back to those of before. */
  async during<T>(record: ChoiceRecord, work: () => Promise<T>): Promise<T> {
    const before = this.known;
    this.replace(record);
    try {
      return await work();
    } finally {
      this.known = before;
    }
  }
}

/** What a device knows of its operations: by shape class, an example call, the variant's name, the variant once it was used. */
function none() {
  return {
    requests: new Map<string, Request>(),
    names: new Map<string, string>(),
    variants: new Map<string, Variant<never, never>>(),
  };
}

function preferred<G, T extends Operands>(device: Device, operation: Operation<G, T>, geometry: G): Variant<G, T> {
  const name = operation.preferred(device, geometry);
  const variant = operation.variants.find((v) => v.name === name);
  if (variant?.fits(device, geometry)) return variant;
  throw new GpuError("internal", `${operation.name}: the preferred variant "${name}" does not fit this adapter`);
}
