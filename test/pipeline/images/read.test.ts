import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import {
  bytesSource,
  openImage,
  type Page,
  parseBits16,
  prepareJpeg,
  readImage,
  toGrey8,
} from "../../../pipeline/images/index.js";

/** A page as Pillow, tifffile and OpenCV read it (test/fixtures/make_images.py). */
interface ExpectedPage {
  w: number;
  h: number;
  bits: number;
  channels: number;
  samples: string;
  grey: string;
  some: number[];
  meta: Record<string, unknown>;
}

const folder = join(import.meta.dirname, "../../fixtures/images");
const fixture = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
const json = <T>(name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as T;
const expected = json<Record<string, ExpectedPage[]>>("expected.json");
const sha = (data: Uint8Array | Uint16Array) =>
  createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");
const some = (data: ArrayLike<number>) => [0, data.length >> 1, data.length - 1].map((i) => data[i]);

beforeAll(async () => {
  const wasm = fileURLToPath(import.meta.resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"));
  await prepareJpeg(await WebAssembly.compile(readFileSync(wasm)));
});

function described(page: Page): ExpectedPage {
  const { w, h, bits, channels, data, meta } = page;
  const grey = sha(toGrey8(page).pixels);
  return { w, h, bits, channels, samples: sha(data), grey, some: some(data) as number[], meta: { ...meta } };
}

describe("every sample is what Pillow, tifffile and OpenCV read", () => {
  test.each(Object.keys(expected))("%s", async (name) => {
    const { pages } = await readImage(fixture(name), name);
    expect(pages.map(described)).toEqual(expected[name]);
  });
});

test("the pages of a TIFF are read one by one, without the rest of the file", async () => {
  const bytes = fixture("series.tif");
  let read = 0;
  const whole = bytesSource(bytes, "series.tif");
  const file = await openImage({
    ...whole,
    read: (offset, length) => {
      if (length > 1024) read += length;
      return whole.read(offset, length);
    },
  });
  read = 0;
  expect(file.metas).toHaveLength(3);
  await file.page(1);
  expect(read).toBe(37 * 53);
});

describe("16 bits become 8 by the rule that is chosen", () => {
  const rules = json<Record<string, { low: number; high: number; grey: string }>>("rules.json");

  test.each(Object.keys(rules))("%s", async (rule) => {
    const [page] = (await readImage(fixture("camera12.png"), "camera12.png")).pages;
    const { pixels, scale } = toGrey8(page!, parseBits16(rule));
    const { low, high, grey } = rules[rule]!;
    expect(scale).toEqual({ bits: 16, rule, low, high });
    expect(sha(pixels)).toBe(grey);
  });

  test("the full range is kept, with a warning where few grey values are left", async () => {
    const [page] = (await readImage(fixture("camera12.png"), "camera12.png")).pages;
    const { scale, warnings } = toGrey8(page!);
    expect(scale).toEqual({ bits: 16, rule: "full", low: 0, high: 65535 });
    expect(warnings).toEqual([expect.stringMatching(/leaves \d+ grey values.*--bits16 percentiles/)]);
    const [bright] = (await readImage(fixture("grey16.png"), "grey16.png")).pages;
    expect(toGrey8(bright!).warnings).toEqual([]);
  });

  test("a flat page and a page of 8 bits need no rule", () => {
    const flat = { w: 2, h: 1, channels: 1 as const, meta: {} };
    const words = toGrey8({ ...flat, bits: 16, data: Uint16Array.of(700, 700) }, parseBits16("minmax"));
    expect([...words.pixels]).toEqual([0, 0]);
    const bytes = toGrey8({ ...flat, bits: 8, data: Uint8Array.of(3, 250) }, parseBits16("minmax"));
    expect([[...bytes.pixels], bytes.scale.rule]).toEqual([[3, 250], null]);
  });

  test.each(["", "fulll", "percentiles:5", "percentiles:99,1", "percentiles:1,101"])("%j is no rule", (text) => {
    expect(() => parseBits16(text)).toThrow(/give full, minmax, percentiles/);
  });
});

describe("what cannot be read says which file and what to do", () => {
  const refused = (bytes: Uint8Array, name: string) =>
    readImage(bytes, name).then(
      () => "read",
      (e: Error) => e,
    );

  test.each([
    "grey8.png",
    "rgb420.jpg",
    "grey16deflate.tif",
    "grey8lzw.tif",
    "grey16tiles.tif",
    "grey8.tif",
    "series.ome.tif",
  ])("%s cut short anywhere", async (name) => {
    const bytes = fixture(name);
    for (const share of [0.01, 0.1, 0.5, 0.9, 0.99]) {
      const cut = bytes.slice(0, Math.max(8, Math.floor(bytes.length * share)));
      const error = await refused(cut, `wells/${name}`);
      expect(error, `${share} of the file`).toMatchObject({ name: "UserError" });
      expect((error as Error).message).toMatch(new RegExp(`^wells/${name}: .*(copy it again|save it)`));
    }
  });

  test("noise behind the header", async () => {
    for (const name of ["grey8.png", "grey.jpg", "grey16deflate.tif"]) {
      const bytes = fixture(name);
      for (let i = 60; i < bytes.length; i++) bytes[i] = (i * 2654435761) >>> 24;
      expect(await refused(bytes, name)).toMatchObject({ name: "UserError", message: expect.stringContaining(name) });
    }
  });

  test("an empty file, and text that calls itself TIFF", async () => {
    const error = { name: "UserError" };
    expect(await refused(new Uint8Array(0), "a.tif")).toMatchObject({ ...error, message: /a\.tif: the file is empty/ });
    const text = new TextEncoder().encode("not an image at all, only text\n");
    expect(await refused(text, "a.tif")).toMatchObject({ ...error, message: /a\.tif: is no PNG, JPEG or TIFF/ });
  });

  test("absurd sizes, before anything of that size is made", async () => {
    const png = fixture("grey8.png");
    new DataView(png.buffer).setUint32(16, 0x7fffffff);
    expect(await refused(png, "a.png")).toMatchObject({ message: /a\.png: 2147483647 x 37 px is more than 2\^28/ });
    const jpeg = fixture("grey.jpg");
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    jpeg.fill(0xff, frame + 5, frame + 9);
    expect(await refused(jpeg, "a.jpg")).toMatchObject({ message: /a\.jpg: 65535 x 65535 px is more than 2\^28/ });
  });

  test.each([
    ["float.tif", /float\.tif: the TIFF has floating-point samples of 32 bits; .*16-bit/],
    ["cmyk.jpg", /cmyk\.jpg: the JPEG has CMYK colours; save it as/],
  ])("%s: a kind that is not read", async (name, message) => {
    expect(await refused(fixture(name), name)).toMatchObject({ name: "UserError", message });
  });

  test("pages that point at each other", async () => {
    const bytes = fixture("grey8.tif");
    const view = new DataView(bytes.buffer);
    const first = view.getUint32(4, true);
    view.setUint32(first + 2 + 12 * view.getUint16(first, true), first, true);
    expect(await refused(bytes, "a.tif")).toMatchObject({ message: /a\.tif: .*in a circle/ });
  });

  test.each([
    ["a.nd2", [0xda, 0xce, 0xbe, 0x0a], "Nikon ND2"],
    ["renamed.tif", [0xda, 0xce, 0xbe, 0x0a], "Nikon ND2"],
    ["a.czi", [...Buffer.from("ZISRAWFILE")], "Zeiss CZI"],
    ["a.lif", [0x70, 0, 0, 0], "Leica LIF"],
    ["a.oib", [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1], "Olympus OIB/OIF"],
    ["a.oif", [0xff, 0xfe], "Olympus OIB/OIF"],
    ["a.vsi", [0x49, 0x49, 42, 0], "Olympus VSI"],
    ["a.dv", [...new Array<number>(96).fill(0), 0xa0, 0xc0], "DeltaVision"],
  ])("%s: a maker's format, with its converters", async (name, magic, format) => {
    const bytes = Uint8Array.from([...magic, ...new Array<number>(200).fill(0)]);
    const error = (await refused(bytes, name)) as Error;
    expect(error.name).toBe("UserError");
    expect(error.message).toContain(`${name}: is ${format}`);
    for (const tool of [`bfconvert ${name}`, "bioformats2raw", "Fiji"]) expect(error.message).toContain(tool);
  });
});
