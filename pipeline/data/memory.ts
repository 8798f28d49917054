import { PatchReader, type Picture, type Pictures, type ReaderOptions } from "./reader.js";
import { InlineReader, PatchSource } from "./source.js";

/** An image in memory, with a name for messages. */
export type NamedPicture = Picture & { readonly name: string };

/** Patches of images in memory: cuts the same ones as the reader threads do of the same images in files. */
export function memoryPatches(pictures: readonly NamedPicture[], options: ReaderOptions): PatchSource {
  const all: Pictures = {
    count: pictures.length,
    name: (index) => (pictures[index] as NamedPicture).name,
    open: (index) => pictures[index] as NamedPicture,
  };
  return new PatchSource(pictures.length, options.size, [new InlineReader(new PatchReader(all, options))]);
}
