/** Label images as TIFF files that ImageJ, tifffile, Pillow and scikit-image read. Needs no Node. */

export interface LabelTiffOptions {
  /** Names of the labels 1, 2, ...; kept in the file's description. */
  readonly classes: readonly string[];
  /** Micrometres per pixel; null: not known. */
  readonly pixelSize: number | null;
}

type Value = number | readonly [numerator: number, denominator: number] | string;
type Tag = readonly [id: number, type: number, value: Value];

const [ascii, short, long, rational] = [2, 3, 4, 5];

/**
 * Bytes of a grey TIFF of 8 bits, one strip, not compressed, little-endian (TIFF 6.0): 0 is background, c + 1 is class c. The
 * description is one that ImageJ understands; the resolution is in pixels per centimetre.
 * @param labels w * h values, row-major
 */
export function encodeLabelTiff(labels: Uint8Array, w: number, h: number, options: LabelTiffOptions): Uint8Array {
  const tags = tagsOf(w, h, options);
  // Header, pixels (padded to an even offset), directory, and then what does not fit into it.
  const directory = 8 + labels.length + (labels.length & 1);
  const outside = directory + 2 + 12 * tags.length + 4;
  const extra = tags.reduce((sum, [, , value]) => sum + outsideBytes(value), 0);
  const bytes = new Uint8Array(outside + extra);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x002a4949, true);
  view.setUint32(4, directory, true);
  bytes.set(labels, 8);
  view.setUint16(directory, tags.length, true);
  let free = outside;
  tags.forEach((tag, i) => {
    writeTag(view, directory + 2 + 12 * i, tag, free);
    free += outsideBytes(tag[2]);
  });
  return bytes;
}

function tagsOf(w: number, h: number, { classes, pixelSize }: LabelTiffOptions): Tag[] {
  const unit = pixelSize === null ? [] : ["unit=micron"];
  const names = classes.map((name, c) => `label ${c + 1}=${name.replace(/[^\x20-\x7e]/g, "?")}`);
  const description = ["ImageJ=1.53t", ...unit, "min=0.0", `max=${classes.length}.0`, "label 0=background", ...names];
  const resolution: Tag[] =
    pixelSize === null
      ? []
      : [
          [282, rational, perCentimetre(pixelSize)],
          [283, rational, perCentimetre(pixelSize)],
          [296, short, 3], // centimetres
        ];
  return [
    [256, long, w],
    [257, long, h],
    [258, short, 8], // bits per sample
    [259, short, 1], // not compressed
    [262, short, 1], // 0 is black
    [270, ascii, `${description.join("\n")}\n\0`],
    [273, long, 8], // the strip begins behind the header
    [277, short, 1], // samples per pixel
    [278, long, h], // rows per strip
    [279, long, w * h],
    ...resolution,
  ];
}

/** Pixels per centimetre as a fraction of whole numbers below 2^32. */
function perCentimetre(pixelSize: number): [number, number] {
  const denominator = Math.max(1, Math.min(1_000_000, Math.floor((pixelSize * 4e9) / 1e4)));
  return [Math.round((1e4 / pixelSize) * denominator), denominator];
}

/** Bytes of a value that its entry in the directory has no room for; an even number. */
function outsideBytes(value: Value): number {
  if (typeof value === "number") return 0;
  return typeof value === "string" ? value.length + (value.length & 1) : 8;
}

function writeTag(view: DataView, at: number, [id, type, value]: Tag, free: number): void {
  view.setUint16(at, id, true);
  view.setUint16(at + 2, type, true);
  view.setUint32(at + 4, typeof value === "string" ? value.length : 1, true);
  view.setUint32(at + 8, typeof value === "number" ? value : free, true);
  if (typeof value === "number") return;
  if (typeof value === "string") for (let i = 0; i < value.length; i++) view.setUint8(free + i, value.charCodeAt(i));
  else
    value.forEach((part, i) => {
      view.setUint32(free + 4 * i, part, true);
    });
}
