import { GeoTIFF, type GeoTIFFImage } from "geotiff";
import { UserError } from "../../engine/errors.js";
import { checkPixels, damaged } from "./check.js";
import { imageJPages, pageMetas } from "./ome.js";
import type { ByteSource, ImageFile, Page, PageMeta } from "./types.js";

/** TIFF, BigTIFF and OME-TIFF by `geotiff`: strips and tiles, LZW, deflate, PackBits, Zstandard, both byte orders, predictors. */

const photometric = { whiteIsZero: 0, blackIsZero: 1, rgb: 2, palette: 3 };
const jpegCompressions = [6, 7];
/** Bits of NewSubfileType: a smaller copy of another page, a mask of another page. */
const notAPage = 1 | 4;

/** A page of the file, or one sample of it where a grey page holds several channels. */
interface Entry {
  readonly image: GeoTIFFImage;
  readonly samples: number[];
  readonly meta: PageMeta;
}

/**
 * Reads the directories of a TIFF; pixels are read page by page.
 * @throws UserError naming the file when it is damaged, cut short or of a kind that is not read
 */
export async function openTiff(source: ByteSource): Promise<ImageFile> {
  const { name } = source;
  try {
    const images = await directories(source);
    const description = String((await tag(images[0]!, "ImageDescription")) ?? "");
    checkImageJ(name, description, images.length);
    const metas = pageMetas(description, images.length, name);
    const entries = (await Promise.all(images.map((image, i) => entriesOf(image, metas[i]!)))).flat();
    return {
      format: "TIFF",
      metas: entries.map(({ meta }) => meta),
      page: async (index) => {
        const entry = entries[index];
        if (!entry) throw new RangeError(`${name}: page ${index} of ${entries.length}`);
        return readEntry(source, entry).catch((error) => Promise.reject(damaged(name, "TIFF", error)));
      },
    };
  } catch (error) {
    throw damaged(name, "TIFF", error);
  }
}

/** All pages but smaller copies and masks. A chain of directories that bites its tail ends where it does. */
async function directories(source: ByteSource): Promise<GeoTIFFImage[]> {
  const tiff = await GeoTIFF.fromSource(adapt(source) as unknown as Parameters<typeof GeoTIFF.fromSource>[0]);
  const images: GeoTIFFImage[] = [];
  const seen = new Set<number>();
  for (let i = 0; ; i++) {
    const image = await tiff.getImage(i);
    if (!((Number(await tag(image, "NewSubfileType")) || 0) & notAPage)) images.push(image);
    const next = (image.fileDirectory as unknown as { nextIFDByteOffset: number }).nextIFDByteOffset;
    if (next === 0) break;
    if (seen.has(next)) throw new Error("its pages point at each other in a circle");
    seen.add(next);
  }
  if (images.length === 0) throw new Error("no page holds an image");
  return images;
}

/** What `geotiff` expects of a source. Bytes behind the end of the file are refused, not zero. */
function adapt(source: ByteSource) {
  const fetchSlice = async ({ offset, length }: { offset: number; length: number }) => {
    if (offset < 0 || offset >= source.size) throw new Error(`byte ${offset} of ${source.size}`);
    const bytes = await source.read(offset, Math.min(length, source.size - offset));
    const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    return { data, offset, length: data.byteLength };
  };
  return {
    fileSize: source.size,
    fetchSlice,
    fetch: (slices: { offset: number; length: number }[]) =>
      Promise.all(slices.map(async (slice) => (await fetchSlice(slice)).data)),
    close: async () => {},
  };
}

async function tag(image: GeoTIFFImage, name: string): Promise<unknown> {
  const directory = image.fileDirectory as unknown as {
    hasTag(name: string): boolean;
    loadValue(name: string): Promise<unknown>;
  };
  return directory.hasTag(name) ? directory.loadValue(name) : undefined;
}

function checkImageJ(name: string, description: string, pages: number): void {
  const said = imageJPages(description);
  if (said === null || said <= pages || pages > 1) return;
  throw new UserError(
    `${name}: ImageJ wrote ${said} images behind one directory (its way of files above 4 GB), which is not read; ` +
      `save it in Fiji with File > Save As > OME-TIFF, or as an image sequence`,
  );
}

/** A grey page with several samples that are not transparency holds a channel in each. */
async function entriesOf(image: GeoTIFFImage, meta: PageMeta): Promise<Entry[]> {
  const count = image.getSamplesPerPixel();
  if ((await tag(image, "PhotometricInterpretation")) === photometric.rgb) return [{ image, samples: [0, 1, 2], meta }];
  const extra = [...(((await tag(image, "ExtraSamples")) as Iterable<number> | undefined) ?? [])];
  const isAlpha = extra.length === 1 && extra[0] !== 0;
  if (count === 1 || (count === 2 && isAlpha)) return [{ image, samples: [0], meta }];
  return Array.from({ length: count }, (_, c) => ({ image, samples: [c], meta: { ...meta, channel: c } }));
}

async function readEntry(source: ByteSource, { image, samples, meta }: Entry): Promise<Page> {
  const { name } = source;
  const [w, h] = [image.getWidth(), image.getHeight()];
  checkPixels(name, w, h);
  const bits = image.getBitsPerSample(samples[0]);
  const kind = Number(await tag(image, "PhotometricInterpretation"));
  await checkKind(name, image, kind, bits, samples.length);
  await checkExtent(source, image);
  const raster: unknown = await image.readRasters({ samples, interleave: true });
  const data = bits === 8 ? bytesOf(raster) : wordsOf(raster);
  if (data.length !== w * h * samples.length) throw new Error(`${data.length} samples of ${w} x ${h} px`);
  if (kind === photometric.palette) return { w, h, bits: 8, channels: 3, data: await coloured(image, data), meta };
  if (kind === photometric.whiteIsZero) for (let i = 0; i < data.length; i++) data[i] = 2 ** bits - 1 - data[i]!;
  return { w, h, bits: bits === 8 ? 8 : 16, channels: samples.length === 3 ? 3 : 1, data, meta };
}

function bytesOf(raster: unknown): Uint8Array {
  if (raster instanceof Uint8Array) return raster;
  throw new Error("samples of 8 bits were expected");
}

function wordsOf(raster: unknown): Uint16Array {
  if (raster instanceof Uint16Array) return raster;
  throw new Error("samples of 16 bits were expected");
}

/** @throws UserError for samples that are not unsigned 8 or 16 bits, and for colours other than grey, RGB and palettes */
async function checkKind(name: string, image: GeoTIFFImage, kind: number, bits: number, samples: number) {
  const format = image.getSampleFormat(0);
  const refuse = (what: string, fix: string) => new UserError(`${name}: the TIFF has ${what}; ${fix}`);
  if ((bits !== 8 && bits !== 16) || format !== 1) {
    const type = format === 3 ? "floating-point" : format === 2 ? "signed" : "unsigned";
    throw refuse(`${type} samples of ${bits} bits`, "save it with unsigned 8 or 16 bits (Fiji: Image > Type > 16-bit)");
  }
  if (kind > photometric.palette || (kind === photometric.palette && bits !== 8))
    throw refuse(`colours of kind ${kind}`, "save it as grey or RGB");
  const compression = Number(await tag(image, "Compression"));
  if (jpegCompressions.includes(compression) && samples > 1)
    throw refuse("JPEG-compressed colours", "save it without compression, or as a JPEG file");
}

/** `geotiff` takes what is missing at the end of a file for zeros. */
async function checkExtent(source: ByteSource, image: GeoTIFFImage): Promise<void> {
  const prefix = (await tag(image, "TileOffsets")) === undefined ? "Strip" : "Tile";
  const offsets = [...((await tag(image, `${prefix}Offsets`)) as Iterable<number>)].map(Number);
  const counts = [...((await tag(image, `${prefix}ByteCounts`)) as Iterable<number>)].map(Number);
  const end = offsets.reduce((most, offset, i) => Math.max(most, offset + (counts[i] ?? 0)), 0);
  if (offsets.length === 0 || end > source.size) throw new Error(`pixels up to byte ${end} of ${source.size}`);
}

/** Colours of a palette: 3 times 256 values of 16 bits. */
async function coloured(image: GeoTIFFImage, indices: Uint8Array | Uint16Array): Promise<Uint8Array> {
  const map = (await tag(image, "ColorMap")) as ArrayLike<number> | undefined;
  if (map?.length !== 768) throw new Error("its palette is missing");
  const y = new Uint8Array(indices.length * 3);
  for (let i = 0; i < indices.length; i++) for (let c = 0; c < 3; c++) y[i * 3 + c] = map[c * 256 + indices[i]!]! >> 8;
  return y;
}
