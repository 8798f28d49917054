import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "fast-png";
import { GeoTIFF } from "geotiff";
import { afterAll, describe, expect, test } from "vitest";
import type { ClassMap } from "../../../pipeline/classMap/classMap.js";
import { areasCsv } from "../../../pipeline/classMap/classMapRun.js";
import { encodeLabelTiff } from "../../../pipeline/classMap/labelTiff.js";
import { maskOf } from "../../../pipeline/classMap/masks.js";
import { classMapSvg } from "../../../pipeline/classMap/overlay.js";
import { pngSize, svgToPng } from "../../../pipeline/figures/png.js";
import { bytesSource, openImage } from "../../../pipeline/images/index.js";
import { mapFills } from "../../../pipeline/palette.js";

const folder = mkdtempSync(join(tmpdir(), "class-map-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** 5 x 3 px: class 2 on the left, class 1 on the right, background around (2, 1). */
const labels = Uint8Array.of(2, 2, 0, 1, 1, 2, 2, 0, 1, 1, 2, 2, 0, 1, 1);
const map: ClassMap = { height: 3, width: 5, labels, pixels: [6, 6], total: 12, mean: [0.5, 0.5], patches: 1 };
const image = { height: 3, width: 5, pixels: new Uint8Array(15).fill(100) };

describe("the label file", () => {
  test("is read back, with its resolution, size and the names of the classes", async () => {
    const bytes = encodeLabelTiff(labels, 5, 3, { classes: ["Dense", "Größe"], pixelSize: 0.8 });
    const file = await openImage(bytesSource(bytes, "x.tif"));
    const page = await file.page(0);
    expect([page.w, page.h, page.bits, page.channels, [...page.data]]).toEqual([5, 3, 8, 1, [...labels]]);
    const tiff = await GeoTIFF.fromSource({
      fetch: async (slices: { offset: number; length: number }[]) =>
        slices.map(({ offset, length }) => bytes.slice(offset, offset + length).buffer),
      fileSize: bytes.length,
      close: async () => {},
    } as unknown as Parameters<typeof GeoTIFF.fromSource>[0]);
    const directory = (await tiff.getImage()).fileDirectory as unknown as { loadValue(name: string): Promise<unknown> };
    const [across, one] = (await directory.loadValue("XResolution")) as [number, number];
    expect(across / one).toBeCloseTo(12_500, 6);
    expect(await directory.loadValue("ResolutionUnit")).toBe(3);
    expect(await directory.loadValue("ImageDescription")).toContain(
      "ImageJ=1.53t\nunit=micron\nmin=0.0\nmax=2.0\nlabel 0=background\nlabel 1=Dense\nlabel 2=Gr??e\n",
    );
  });

  test("keeps very fine and very coarse pixels, and says nothing of a size that is not known", async () => {
    for (const pixelSize of [0.001, 0.65, 123.4]) {
      const bytes = encodeLabelTiff(labels, 5, 3, { classes: [], pixelSize });
      const view = new DataView(bytes.buffer);
      const at = view.getUint32(4, true);
      const tags = Array.from({ length: view.getUint16(at, true) }, (_, i) => at + 2 + 12 * i);
      const place = tags.find((tag) => view.getUint16(tag, true) === 282)!;
      const value = view.getUint32(place + 8, true);
      expect(1e4 / (view.getUint32(value, true) / view.getUint32(value + 4, true))).toBeCloseTo(pixelSize, 6);
    }
    const text = Buffer.from(encodeLabelTiff(labels, 5, 3, { classes: [], pixelSize: null })).toString("latin1");
    expect(text).not.toContain("unit=");
  });
});

describe("the overlay", () => {
  const svg = classMapSvg(image, map, { classes: ["<Dense>", "Diff"], title: "a & b.png", pixelSize: 0.8 });

  test("shows the picture twice, the legend with shares, and a scale bar; text is escaped", () => {
    expect(svg.match(/<image /g)).toHaveLength(2);
    expect(svg).toContain("1  &lt;Dense&gt;  50.0 %");
    expect(svg).toContain("2  Diff  50.0 %");
    expect(svg).toContain(">a &amp; b.png<");
    expect(svg).toMatch(/>1 µm</);
    expect(classMapSvg(image, map, { classes: ["A", "B"], title: "", pixelSize: null })).not.toContain("µm");
  });

  test("colours pixels by their class, background not at all, and becomes a PNG", () => {
    const [, second] = [...svg.matchAll(/href="data:image\/png;base64,([^"]+)"/g)].map(([, text]) => text!);
    const { data } = decode(Buffer.from(second!, "base64"));
    const pixel = (x: number) => [...data.slice(x * 3, x * 3 + 3)];
    const half = mapFills[1]!.map((value) => Math.round(50 + value / 2));
    expect([pixel(0), pixel(2), pixel(3)]).toEqual([half, [100, 100, 100], [...mapFills[0]!]]);
    expect(pngSize(svgToPng(svg)).width).toBeGreaterThan(1000);
  });
});

test("the table of areas has shares, pixels and square micrometres, and what is joined", () => {
  const empty = { ...map, pixels: [0, 0], total: 0 };
  const rows = [
    { file: "=a.png", map: { ...map, pixels: [3, 9] } },
    { file: "b.png", map: empty },
  ];
  const more = { columns: ["well"], rows: [{ well: "A01" }, {}] };
  expect(areasCsv(rows, ["A", "B"], more, 0.5).split("\r\n")).toEqual([
    "file,mask_px,largest,fraction_A,fraction_B,px_A,px_B,um2_A,um2_B,well",
    "./=a.png,12,B,0.25,0.75,3,9,0.75,2.25,A01",
    "b.png,0,,,,0,0,0,0,",
    "",
  ]);
  expect(areasCsv(rows, ["A", "B"], more, null)).toMatch(
    /^file,mask_px,largest,fraction_A,fraction_B,px_A,px_B,well\r\n/,
  );
});

test("masks are found beside the images, in a folder, in another format, or not at all", () => {
  for (const path of ["images/U", "masks/U", "other", "plain"]) mkdirSync(join(folder, path), { recursive: true });
  for (const path of ["masks/U/a.tif", "other/b.png", "images/U/a.png"]) writeFileSync(join(folder, path), "x");
  expect(maskOf(join(folder, "images/U/a.png"))).toBe(join(folder, "masks/U/a.tif"));
  expect(maskOf(join(folder, "images/U/b.png"))).toBeNull();
  expect(maskOf(join(folder, "images/U/b.png"), join(folder, "other"))).toBe(join(folder, "other/b.png"));
  expect(maskOf(join(folder, "plain/b.png"))).toBeNull();
});
