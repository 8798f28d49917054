import type { PackedPatches, PatchReader, PatchRequest } from "./reader.js";
import type { Patch } from "./types.js";

/** Something that cuts patches: a thread, or the thread that asks. */
export interface ReaderPort {
  read(request: PatchRequest): Promise<PackedPatches>;
  close(): Promise<void>;
}

/** A conserved crop: image and top left corner, as an earlier `Patch` gave them. */
export type Crop = Pick<Patch, "image" | "y" | "x">;

export const closedMessage = "PatchLoader: the loader is closed";

/** A `PatchReader` in the thread that asks. */
export class InlineReader implements ReaderPort {
  private closed = false;

  constructor(private readonly reader: PatchReader) {}

  async read(request: PatchRequest): Promise<PackedPatches> {
    if (this.closed) throw new Error(closedMessage);
    return this.reader.read(request);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/**
 * Patches of the images of a run, batch by batch, from one reader or several: image i always belongs to reader i mod n. Crops never
 * depend on the number of readers, on a cache or on timing. What cannot be read rejects with the UserError that names it.
 */
export class PatchSource {
  private readonly notes = new Set<string>();
  private readonly told = new Set<string>();

  /**
   * @param count images, from 0
   * @param size side of a patch, px
   */
  constructor(
    private readonly count: number,
    private readonly size: number,
    private readonly ports: readonly ReaderPort[],
  ) {}

  /** A random crop that depends only on (seed, stream, epoch, image). */
  async draw(image: number, epoch: number, stream: string): Promise<Patch> {
    return (await this.drawBatch([image], epoch, stream))[0]!;
  }

  /** Random crops, in the order of `images`. An image that occurs again in the batch gets another crop each time. */
  drawBatch(images: readonly number[], epoch: number, stream: string): Promise<Patch[]> {
    return this.gather(images, 1, (at) => ({ kind: "draw", images: at.map((i) => images[i]!), epoch, stream }));
  }

  /** Random crops as `drawBatch` gives them, each followed by the patch beside it (see `adjacentPatch`). */
  drawPairs(images: readonly number[], epoch: number, stream: string): Promise<Patch[]> {
    return this.gather(images, 2, (at) => ({ kind: "pairs", images: at.map((i) => images[i]!), epoch, stream }));
  }

  /** The crop at a place that an earlier patch was cut from. */
  async crop(image: number, y: number, x: number): Promise<Patch> {
    return (await this.cropBatch([{ image, y, x }]))[0]!;
  }

  /** Conserved crops, in the order given. @throws RangeError for a corner outside its image */
  cropBatch(crops: readonly Crop[]): Promise<Patch[]> {
    return this.gather(
      crops.map(({ image }) => image),
      1,
      (at) => ({
        kind: "crop",
        images: at.map((i) => crops[i]!.image),
        ys: at.map((i) => crops[i]!.y),
        xs: at.map((i) => crops[i]!.x),
      }),
    );
  }

  /** The central crop of one image. */
  async central(image: number): Promise<Patch> {
    return (await this.centralBatch([image]))[0]!;
  }

  /** Central crops, in the order of `images`. */
  centralBatch(images: readonly number[]): Promise<Patch[]> {
    return this.gather(images, 1, (at) => ({ kind: "central", images: at.map((i) => images[i]!) }));
  }

  /** `count` test patches of one image (see `testPatches`). */
  tiles(image: number, count: number): Promise<Patch[]> {
    return this.gather([image], count, () => ({ kind: "tiles", images: [image], count }));
  }

  /** `count` test patches of each image, image after image. */
  tilesBatch(images: readonly number[], count: number): Promise<Patch[]> {
    return this.gather(images, count, (at) => ({ kind: "tiles", images: at.map((i) => images[i]!), count }));
  }

  /** What was odd about the images decoded since the last call, one sentence each; none is told twice. */
  takeNotes(): string[] {
    const news = [...this.notes].filter((note) => !this.told.has(note));
    for (const note of news) this.told.add(note);
    this.notes.clear();
    return news;
  }

  /** Ends the readers; what is still waiting rejects. May be called again. */
  async close(): Promise<void> {
    await Promise.all(this.ports.map((port) => port.close()));
  }

  /** Sends each thread its share of a batch and puts the answers into the order of the batch. */
  private async gather(
    images: readonly number[],
    perImage: number,
    requestFor: (positions: number[]) => PatchRequest,
  ): Promise<Patch[]> {
    const shares = this.ports.map(() => [] as number[]);
    for (const [i, image] of images.entries()) {
      this.checkImage(image);
      shares[image % shares.length]!.push(i);
    }
    const patches = new Array<Patch>(images.length * perImage);
    const place = (positions: number[], packed: PackedPatches) => {
      for (const note of packed.notes) this.notes.add(note);
      for (const [share, position] of positions.entries()) {
        for (let k = 0; k < perImage; k++) {
          patches[position * perImage + k] = this.unpack(packed, share * perImage + k, images[position]!);
        }
      }
    };
    await Promise.all(
      shares.map(async (positions, p) => {
        if (positions.length > 0) place(positions, await this.ports[p]!.read(requestFor(positions)));
      }),
    );
    return patches;
  }

  protected checkImage(image: number): void {
    if (Number.isInteger(image) && image >= 0 && image < this.count) return;
    throw new RangeError(`PatchLoader: image ${image} does not exist; the loader has ${this.count} images, from 0`);
  }

  private unpack({ ys, xs, pixels }: PackedPatches, slot: number, image: number): Patch {
    const { size } = this;
    const area = size * size;
    return { image, y: ys[slot]!, x: xs[slot]!, size, pixels: pixels.subarray(slot * area, (slot + 1) * area) };
  }
}
