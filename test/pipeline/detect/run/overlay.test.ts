import { describe, expect, test } from "vitest";
import { type Colony, colonyMask } from "../../../../pipeline/detect/colony.js";
import { drawOverlay, lineWidth } from "../../../../pipeline/detect/run/overlay.js";
import { choosePages } from "../../../../pipeline/detect/run/pages.js";
import { fileStems, StemBook } from "../../../../pipeline/detect/run/stems.js";

const box = (minRow: number, minCol: number, maxRow: number, maxCol: number, area: number): Colony => ({
  ...{ minRow, minCol, maxRow, maxCol, area, meanIntensity: 0, meanEntropy: 0, touchesBorder: false },
});

describe("the overlay", () => {
  const [w, h] = [90, 60];
  const mask = new Uint8Array(w * h);
  for (let y = 20; y < 50; y++) mask.fill(255, y * w + 30, y * w + 80);
  const grey = new Uint8Array(w * h).fill(77);
  const { data } = drawOverlay(grey, mask, { w, h }, [box(20, 30, 50, 80, 1500)]);
  const at = (x: number, y: number) => [...data.subarray((y * w + x) * 3, (y * w + x) * 3 + 3)];

  test("shows the well in grey, within and without, between the lines", () => {
    for (const [x, y] of [
      [10, 50],
      [55, 35],
      [31, 53],
      [32, 22],
    ] as const)
      expect(at(x, y), `${x}, ${y}`).toEqual([77, 77, 77]);
  });

  test("has a line just inside the edge of the mask and a box just around it", () => {
    for (const [x, y] of [
      [30, 20],
      [79, 49],
      [55, 20],
      [30, 35],
    ] as const)
      expect(at(x, y)).toEqual([0, 200, 255]);
    for (const [x, y] of [
      [29, 19],
      [80, 50],
      [55, 19],
      [80, 35],
    ] as const)
      expect(at(x, y)).toEqual([255, 176, 0]);
  });

  test("numbers the box on a plate above it", () => {
    // The 1, in an image this small at one pixel per point, on a plate 5 x 7 that ends at row 19.
    const plate = Array.from({ length: 5 }, (_, y) =>
      [0, 1, 2].map((x) => (at(30 + x, 14 + y)[0] === 0 ? "#" : ".")).join(""),
    );
    expect(plate).toEqual([".#.", "##.", ".#.", ".#.", "###"]);
  });

  test("a colony at the edge of the image is drawn inside it, its number below", () => {
    const edge = drawOverlay(grey, mask, { w, h }, [box(0, 60, 30, 90, 900)]).data;
    const colour = (x: number, y: number) => [...edge.subarray((y * w + x) * 3, (y * w + x) * 3 + 3)];
    for (const [x, y] of [
      [70, 0],
      [89, 15],
      [59, 15],
      [70, 30],
    ] as const)
      expect(colour(x, y)).toEqual([255, 176, 0]);
    expect(colour(59, 36)).toEqual([255, 176, 0]);
  });

  test("lines grow with the image, so that they are seen in a well of 2908 px", () => {
    expect([lineWidth(50, 80), lineWidth(1400, 900), lineWidth(2908, 2908)]).toEqual([1, 2, 4]);
  });
});

test("the mask of a colony leaves out others that reach into its box", () => {
  const rows = ["##.#", "#...", "#.##", "####"];
  const mask = Uint8Array.from(rows.join(""), (char) => (char === "#" ? 255 : 0));
  const own = colonyMask(mask, 4, box(0, 0, 4, 4, 10));
  const drawn = Array.from({ length: 4 }, (_, y) =>
    [...own.subarray(y * 4, y * 4 + 4)].map((v) => (v ? "#" : ".")).join(""),
  );
  expect(drawn).toEqual(["##..", "#...", "#.##", "####"]);
});

describe("pages of a file", () => {
  test("one channel and the middle slice are chosen, with a warning unless it was asked for", () => {
    const metas = [0, 1].flatMap((channel) => [0, 1, 2].map((z) => ({ channel, z })));
    const { pages, warnings } = choosePages("a.tif", metas, null);
    expect(pages.map(({ index }) => index)).toEqual([1]);
    expect(warnings).toEqual([
      expect.stringContaining("channels 0, 1; 0 is used"),
      expect.stringContaining("slice 1 is used"),
    ]);
    expect(choosePages("a.tif", metas, 1).pages.map(({ index }) => index)).toEqual([4]);
    expect(() => choosePages("a.tif", metas, 2)).toThrow(/a\.tif: has channels 0, 1; there is no channel 2/);
  });

  test("times are padded, so that names sort; pages that nothing tells apart are numbered", () => {
    const times = Array.from({ length: 11 }, (_, t) => ({ time: String(t) }));
    expect(
      choosePages("a.tif", times, null)
        .pages.map(({ suffix }) => suffix)
        .slice(9),
    ).toEqual(["_t09", "_t10"]);
    expect(choosePages("a.tif", [{}, {}], null).pages.map(({ suffix }) => suffix)).toEqual(["_p0", "_p1"]);
  });
});

describe("names of outputs", () => {
  test("more of the path where stems are equal, whatever their capitals", () => {
    const paths = ["/d/s1/A1.png", "/d/s2/a1.png", "/d/s2/A2.png", "/d/s2/A2.tif"];
    expect([...fileStems(paths.map((path) => ({ name: path, path }))).values()]).toEqual([
      "s1_A1",
      "s2_a1",
      "A2_png",
      "A2_tif",
    ]);
  });

  test("a stem of another well stays with it", () => {
    const wanted = { path: "/d/B1/t0.png", page: 0, stem: "t0", suffix: "", well: "B1", time: "0" };
    const known = (change: object) =>
      new StemBook([{ stem: "t0", path: "/d/A1/t0.png", page: 0, well: "A1", time: "0", ...change }] as never);
    expect(known({}).claim(wanted)).toBe("B1_t0");
    expect(known({ well: "B1" }).claim(wanted)).toBe("t0");
    const book = known({ stem: "mine", path: wanted.path });
    expect([book.claim(wanted), book.claim({ ...wanted, page: 1 })]).toEqual(["mine", "t0"]);
  });
});
