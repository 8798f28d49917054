import { readGreyImage, readMaskImage } from "./imageFile.js";
import type { Pictures } from "./reader.js";
import type { ImageRecord } from "./types.js";

export type ImageFiles = Pick<ImageRecord, "file" | "mask">;

/** Image files and their masks, read when they are asked for. */
export function pictureFiles(files: readonly ImageFiles[]): Pictures {
  const at = (index: number) => files[index] as ImageFiles;
  return {
    count: files.length,
    name: (index) => at(index).file,
    async open(index) {
      const { file, mask } = at(index);
      const notes: string[] = [];
      const image = await readGreyImage(file, (note) => notes.push(note));
      return { image, mask: mask === null ? null : await readMaskImage(mask, image, file), notes };
    },
  };
}
