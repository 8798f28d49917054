import type { PageMeta } from "./types.js";

/** Pages of multi-page TIFFs: from OME-XML, from ImageJ's description, or as frames of a series. */

/** What a TIFF's first description says about its pages; entry i belongs to page i. */
export type PageMetas = readonly PageMeta[];

interface Tag {
  readonly name: string;
  readonly close: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Start and end tags of an XML text in their order, without namespace prefixes; enough for OME's, which keeps all in attributes. */
function* tags(xml: string): Generator<Tag> {
  const text = xml.replace(/<!--[\s\S]*?-->/g, "");
  for (const match of text.matchAll(
    /<(\/?)(?:[\w.-]+:)?([\w.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*\/?>/g,
  )) {
    const attributes: Record<string, string> = {};
    for (const [, key, double, single] of match[3]!.matchAll(/([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g))
      attributes[key!] = unescaped(double ?? single ?? "");
    yield { close: match[1] === "/", name: match[2]!, attributes };
  }
}

function unescaped(text: string): string {
  const entities: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
  return text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => entities[name]!);
}

/** One `TiffData`: `count` planes from (c, z, t) on lie in the pages from `ifd` on. */
interface Stretch {
  readonly ifd: number | null;
  readonly c: number;
  readonly z: number;
  readonly t: number;
  readonly count: number | null;
  /** Planes of another file, where the image spreads over several. */
  file?: string;
}

interface OmeImage {
  readonly id: string;
  order: string;
  sizes: { c: number; z: number; t: number };
  readonly channels: { name?: string; samples: number }[];
  readonly stretches: Stretch[];
}

interface OmeDocument {
  readonly images: OmeImage[];
  /** Image id to well. */
  readonly wells: Map<string, string>;
}

function parseOme(xml: string): OmeDocument {
  const images: OmeImage[] = [];
  const wells = new Map<string, string>();
  let well: string | null = null;
  for (const { name, close, attributes: a } of tags(xml)) {
    const image = images.at(-1);
    if (name === "Well") well = close ? null : wellName(number(a.Row), number(a.Column));
    if (close) continue;
    if (name === "ImageRef" && well !== null && a.ID !== undefined) wells.set(a.ID, well);
    if (name === "Image")
      images.push({ id: a.ID ?? "", order: "XYCZT", sizes: { c: 1, z: 1, t: 1 }, channels: [], stretches: [] });
    if (!image) continue;
    if (name === "Pixels") {
      image.order = a.DimensionOrder ?? image.order;
      image.sizes = { c: number(a.SizeC, 1), z: number(a.SizeZ, 1), t: number(a.SizeT, 1) };
    }
    if (name === "Channel")
      image.channels.push({ ...(a.Name !== undefined && { name: a.Name }), samples: number(a.SamplesPerPixel, 1) });
    if (name === "TiffData") image.stretches.push(stretchOf(a));
    const last = image.stretches.at(-1);
    if (name === "UUID" && last && a.FileName !== undefined) last.file = a.FileName;
  }
  return { images, wells };
}

function stretchOf(a: Readonly<Record<string, string>>): Stretch {
  const count = a.PlaneCount ?? (a.IFD === undefined ? undefined : "1");
  return {
    ifd: a.IFD === undefined ? null : number(a.IFD),
    c: number(a.FirstC),
    z: number(a.FirstZ),
    t: number(a.FirstT),
    count: count === undefined ? null : number(count),
  };
}

function number(text: string | undefined, otherwise = 0): number {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) && value >= 0 ? value : otherwise;
}

/** Row 1 and column 2, from 0: B3. Rows beyond Z go on with AA. */
function wellName(row: number, column: number): string {
  const letter = (r: number) => String.fromCharCode(65 + r);
  return `${row < 26 ? letter(row) : letter(Math.floor(row / 26) - 1) + letter(row % 26)}${column + 1}`;
}

/** Sizes in the order in which planes follow each other, the fastest first. */
function axes({ order, sizes, channels }: OmeImage): ["c" | "z" | "t", number][] {
  // Colours that lie inside a page are channels of OME, not planes.
  const planes = channels.length > 0 && channels.some(({ samples }) => samples > 1) ? channels.length : sizes.c;
  const counts = { c: planes, z: sizes.z, t: sizes.t };
  const names = [...order.slice(2).toLowerCase()].filter((axis) => axis === "c" || axis === "z" || axis === "t");
  return names.map((axis) => [axis, counts[axis]]);
}

function metaOf(image: OmeImage, at: { c: number; z: number; t: number }, well: string | undefined): PageMeta {
  const [[, c] = ["c", 1]] = axes(image).filter(([axis]) => axis === "c");
  const channelName = image.channels[at.c]?.name;
  return {
    ...(image.sizes.t > 1 && { time: String(at.t) }),
    ...(c > 1 && { channel: at.c }),
    ...(c > 1 && channelName !== undefined && { channelName }),
    ...(image.sizes.z > 1 && { z: at.z }),
    ...(well !== undefined && { well }),
  };
}

/**
 * @param xml the description of the first page
 * @param pages number of pages in the file
 * @param file name of the file, to tell its planes from those of others
 */
function omeMetas(xml: string, pages: number, file: string): PageMetas {
  const { images, wells } = parseOme(xml);
  const metas: PageMeta[] = Array.from({ length: pages }, () => ({}));
  const own = file.replace(/^.*[/\\]/, "");
  let next = 0;
  for (const image of images) {
    const order = axes(image);
    const total = order.reduce((n, [, size]) => n * size, 1);
    const stretches = image.stretches.length > 0 ? image.stretches : [stretchOf({})];
    for (const { ifd, count, file: other, ...first } of stretches) {
      if (other !== undefined && other !== own) continue;
      let plane = 0;
      for (const [axis, size] of [...order].reverse()) plane = plane * size + first[axis];
      const start = ifd ?? next;
      const end = Math.min(pages, start + Math.min(count ?? total, total - plane));
      for (let page = start; page < end; page++, plane++)
        metas[page] = metaOf(image, place(order, plane), wells.get(image.id));
      next = end;
    }
  }
  return metas;
}

function place(order: readonly ["c" | "z" | "t", number][], plane: number): { c: number; z: number; t: number } {
  const at = { c: 0, z: 0, t: 0 };
  let rest = plane;
  for (const [axis, size] of order) {
    at[axis] = rest % size;
    rest = Math.floor(rest / size);
  }
  return at;
}

/** ImageJ's hyperstacks: channels first, then slices, then frames. */
function imageJMetas(text: string, pages: number): PageMetas | null {
  const values = new Map(text.split("\n").map((line) => line.split("=") as [string, string | undefined]));
  const size = (key: string) => number(values.get(key)?.trim(), 1) || 1;
  const sizes = { c: size("channels"), z: size("slices"), t: size("frames") };
  if (sizes.c * sizes.z * sizes.t !== pages) return null;
  const image: OmeImage = { id: "", order: "XYCZT", sizes, channels: [], stretches: [] };
  return Array.from({ length: pages }, (_, page) => metaOf(image, place(axes(image), page), undefined));
}

/** Number of pages that ImageJ says a file has; it writes files of more than 4 GB with one directory only. */
export function imageJPages(description: string): number | null {
  const match = /^ImageJ=[\s\S]*?^images=(\d+)/m.exec(description);
  return match ? Number(match[1]) : null;
}

/** What is known of each page of a TIFF; without any description the pages are frames of a series. */
export function pageMetas(description: string, pages: number, file: string): PageMetas {
  if (/<(?:\w+:)?OME[\s>]/.test(description)) return omeMetas(description, pages, file);
  const frames = () => Array.from({ length: pages }, (_, page) => (pages > 1 ? { time: String(page) } : {}));
  return (description.startsWith("ImageJ=") ? imageJMetas(description, pages) : null) ?? frames();
}
