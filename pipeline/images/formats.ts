import { UserError } from "../../engine/errors.js";

export type Format = "PNG" | "JPEG" | "TIFF";

/** What a file that is not read is, and by which means it becomes one that is. */
interface Foreign {
  readonly name: string;
  readonly extensions: readonly string[];
  /** Byte values from `at` (0). */
  readonly magic?: { readonly at?: number; readonly bytes: readonly number[] }[];
  /** Whether the format belongs to a microscope's maker: then Bio-Formats converts it. */
  readonly microscope: boolean;
}

const text = (chars: string) => [...chars].map((char) => char.charCodeAt(0));

/** Extensions come first: several of these files (VSI, LSM) are TIFFs inside, whose first page is a thumbnail. */
const foreign: readonly Foreign[] = [
  {
    name: "Nikon ND2",
    extensions: ["nd2"],
    magic: [{ bytes: [0xda, 0xce, 0xbe, 0x0a] }],
    microscope: true,
  },
  { name: "Zeiss CZI", extensions: ["czi"], magic: [{ bytes: text("ZISRAWFILE") }], microscope: true },
  {
    name: "Leica LIF",
    extensions: ["lif", "lof", "xlef"],
    magic: [{ bytes: [0x70, 0, 0, 0] }],
    microscope: true,
  },
  {
    name: "Olympus OIB/OIF",
    extensions: ["oib", "oif"],
    magic: [{ bytes: [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1] }],
    microscope: true,
  },
  { name: "Olympus VSI", extensions: ["vsi", "ets"], microscope: true },
  { name: "DeltaVision", extensions: ["dv", "r3d"], magic: [{ at: 96, bytes: [0xa0, 0xc0] }], microscope: true },
  { name: "Zeiss LSM", extensions: ["lsm", "zvi"], microscope: true },
  { name: "MetaMorph STK", extensions: ["stk"], microscope: true },
  { name: "Imaris", extensions: ["ims"], microscope: true },
  {
    name: "JPEG 2000",
    extensions: ["jp2", "j2k"],
    magic: [{ bytes: [0, 0, 0, 0x0c, 0x6a, 0x50, 0x20, 0x20] }],
    microscope: false,
  },
  { name: "BMP", extensions: ["bmp"], magic: [{ bytes: text("BM") }], microscope: false },
  { name: "GIF", extensions: ["gif"], magic: [{ bytes: text("GIF8") }], microscope: false },
  { name: "WebP", extensions: ["webp"], magic: [{ at: 8, bytes: text("WEBP") }], microscope: false },
];

const readable: readonly { readonly format: Format; readonly magic: readonly number[][] }[] = [
  { format: "PNG", magic: [[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]] },
  { format: "JPEG", magic: [[0xff, 0xd8, 0xff]] },
  {
    format: "TIFF",
    magic: [
      [0x49, 0x49, 42, 0],
      [0x4d, 0x4d, 0, 42],
      [0x49, 0x49, 43, 0],
      [0x4d, 0x4d, 0, 43],
    ],
  },
];

/** Bytes from the start of a file that tell its format. */
export const headBytes = 128;

const extensionOf = (name: string) => /\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
const readableExtensions = ["png", "jpg", "jpeg", "jpe", "tif", "tiff", "btf", "tf8"];

/** Whether a file's extension is that of a format that is read. */
export function isReadable(name: string): boolean {
  return readableExtensions.includes(extensionOf(name));
}

/** The error for a file whose extension belongs to an image format that is not read; null for all others. */
export function foreignFormat(name: string): UserError | null {
  const other = foreign.find(({ extensions }) => extensions.includes(extensionOf(name)));
  return other ? notRead(name, other) : null;
}

function notRead(name: string, other: Foreign): UserError {
  return new UserError(`${name}: is ${other.name}, which is not read here. ${advice(name, other)}`);
}

/** Whether a folder's file is one to open: an image that is read, or one that is worth an error because it is not. */
export function looksLikeImage(name: string): boolean {
  const extension = extensionOf(name);
  return readableExtensions.includes(extension) || foreign.some(({ extensions }) => extensions.includes(extension));
}

/**
 * The format of a file by its first bytes (and, for makers' formats, its extension).
 * @param head the first `headBytes`, or all of a smaller file
 * @throws UserError for an empty file, a format that is not read (naming the converter), or no image at all
 */
export function formatOf(head: Uint8Array, name: string): Format {
  if (head.length === 0) throw new UserError(`${name}: the file is empty; copy it again or remove it`);
  const has = (bytes: readonly number[], at = 0) => bytes.every((value, i) => head[at + i] === value);
  const extension = extensionOf(name);
  const byExtension = foreign.find(({ extensions }) => extensions.includes(extension));
  const format = readable.find(({ magic }) => magic.some((bytes) => has(bytes)))?.format;
  if (format !== undefined && !byExtension?.microscope) return format;
  const other = byExtension ?? foreign.find(({ magic }) => magic?.some(({ at, bytes }) => has(bytes, at)));
  if (other) throw notRead(name, other);
  const start = [...head.subarray(0, 4)].map((value) => value.toString(16).padStart(2, "0")).join(" ");
  throw new UserError(
    `${name}: is no PNG, JPEG or TIFF file (first bytes ${start}); save it as one of these or remove it`,
  );
}

function advice(name: string, { microscope }: Foreign): string {
  const stem = (/([^/\\]+?)(\.[^./\\]+)?$/.exec(name) ?? [])[1] ?? name;
  if (!microscope) return "Save it as PNG or TIFF, without loss, in any image program.";
  return (
    `Convert it without loss to OME-TIFF: "bfconvert ${stem}${name.slice(name.lastIndexOf("."))} ${stem}_t%t_c%c.ome.tif" (Bio-Formats command line tools), ` +
    `"bioformats2raw" with "raw2ometiff", or in Fiji with File > Import > Bio-Formats and File > Save As > OME-TIFF.`
  );
}
