import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { UserError } from "../../engine/errors.js";

/** Images and labels of one part of an MNIST-like set. */
export interface IdxSet {
  count: number;
  height: number;
  width: number;
  /** count * height * width grey values. */
  pixels: Uint8Array;
  /** One class number per image. */
  labels: Uint8Array;
}

const IMAGES_MAGIC = 0x00000803;
const LABELS_MAGIC = 0x00000801;

function inflate(file: string): Buffer {
  try {
    return gunzipSync(readFileSync(file));
  } catch (error) {
    throw new UserError(
      `${file}: is damaged or no gzip file (${(error as Error).message}); install or download it again`,
    );
  }
}

/** Header numbers of an IDX file, after its magic number and total length have been checked. */
function readHeader(bytes: Buffer, file: string, magic: number, numbers: number): number[] {
  const found = bytes.length >= 4 ? bytes.readUInt32BE(0) : -1;
  const header = 4 + 4 * numbers;
  if (found !== magic || bytes.length < header) {
    throw new UserError(
      `${file}: starts with the number ${found} instead of ${magic}: not the expected IDX file; install it again`,
    );
  }
  const sizes = Array.from({ length: numbers }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const expected = header + sizes.reduce((product, size) => product * size, 1);
  if (bytes.length !== expected) {
    throw new UserError(
      `${file}: holds ${bytes.length} bytes, but its header (${sizes.join(" x ")}) asks for ${expected}; install it again`,
    );
  }
  return sizes;
}

/**
 * Reads `<part>-images-idx3-ubyte.gz` and `<part>-labels-idx1-ubyte.gz` (LeCun's IDX format).
 *
 * @param part `train` or `t10k`
 * @param classes number of classes, for the check of the labels
 * @throws UserError naming the file: damaged gzip data, wrong magic number, wrong length, counts that differ, a label out of range
 */
export function readIdxSet(folder: string, part: string, classes: number): IdxSet {
  const imageFile = join(folder, `${part}-images-idx3-ubyte.gz`);
  const labelFile = join(folder, `${part}-labels-idx1-ubyte.gz`);
  const images = inflate(imageFile);
  const [count, height, width] = readHeader(images, imageFile, IMAGES_MAGIC, 3) as [number, number, number];
  const labelBytes = inflate(labelFile);
  const [labelCount] = readHeader(labelBytes, labelFile, LABELS_MAGIC, 1);
  if (labelCount !== count) {
    throw new UserError(
      `${labelFile}: has ${labelCount} labels for the ${count} images of ${imageFile}; install both again`,
    );
  }
  const labels = labelBytes.subarray(8);
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong >= 0)
    throw new UserError(
      `${labelFile}: label ${labels[wrong]} of image ${wrong} is not below ${classes}; install it again`,
    );
  return { count, height, width, pixels: images.subarray(16), labels };
}

/** The files of an MNIST-like set that are missing in a folder. */
export function missingIdxFiles(folder: string): string[] {
  return ["train", "t10k"]
    .flatMap((part) => [`${part}-images-idx3-ubyte.gz`, `${part}-labels-idx1-ubyte.gz`])
    .filter((name) => !existsSync(join(folder, name)));
}
