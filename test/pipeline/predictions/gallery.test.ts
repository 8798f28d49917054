import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { entropyBits } from "../../../pipeline/metrics.js";
import { type GalleryImage, galleryPage, mostUncertain } from "../../../pipeline/predictions/gallery.js";

const classes = ["A<b>", "B", "C"];
const rows = [
  [1, 0, 0],
  [0.5, 0.5, 0],
  [0.1, 0.8, 0.1],
  [0.33, 0.33, 0.34],
  [0.5, 0, 0.5],
];
const crop = { height: 4, width: 4, pixels: new Uint8Array(16).fill(77) };
const image = (i: number): GalleryImage => ({
  ...{ file: `folder/${i} & co.png`, probabilities: rows[i]!, crop },
  facts: { well: "A01", time: "7", colony: "3", area: "900", condition: "<x>" },
});

test("the most uncertain come first, equal ones in their order, and no more than asked for", () => {
  expect(mostUncertain(rows, 10)).toEqual([3, 1, 4, 2, 0]);
  expect(mostUncertain(rows, 2)).toEqual([3, 1]);
});

describe("the gallery", () => {
  const order = [3, 1, 4, 2];
  const page = galleryPage(order.map(image), { classes, all: rows, patches: 3, table: "runs/p.csv" });
  const sections = page.split("<section>").slice(1);

  test("has a part per class that was given, with how many of it are shown", () => {
    expect(
      sections.map((part) =>
        part
          .match(/(\d+) of (\d+) shown/)!
          .slice(1)
          .join("/"),
      ),
    ).toEqual(["2/3", "1/1", "1/1"]);
    expect(
      sections.map((part) => [...part.matchAll(/class="file" title="folder\/(\d)/g)].map(([, i]) => i).join("")),
    ).toEqual(["14", "2", "3"]);
    expect(page).toContain("4 of 5 images in p.csv");
    expect(page).toContain("means over 3 patches");
    const bare = galleryPage([], { classes, all: [[0, 1, 0]], patches: 1, table: "p.csv" });
    expect(bare).toContain("No image was given this class.");
    expect(bare).toContain("None of them is among the most uncertain.");
  });

  test("says of each image its probabilities, entropy, well, time and condition, not its measures", () => {
    const [, card] = sections[0]!.split('<figure class="card">');
    expect(card).toContain("<b>A&lt;b&gt;\u00a050\u00a0%</b>");
    expect(card).toContain(`${entropyBits(rows[1]!).toFixed(2)} bits · A01 · time\u00a07 · &lt;x&gt;</span>`);
    expect(card).not.toContain("900");
    const widths = [...card!.matchAll(/<rect class="bar-\d" x="([\d.]+)" y="0" width="([\d.]+)"/g)].map((m) =>
      m.slice(1).map(Number),
    );
    expect(widths).toEqual([
      [0, 50],
      [50, 50],
      [100, 0],
    ]);
  });

  test("is one file: pictures are inside, no script, text escaped", () => {
    expect(page).not.toMatch(/<script|https?:|src="(?!data:image\/png;base64,)|<b>b|<x>/);
    const [, data] = page.match(/src="data:image\/png;base64,([^"]+)"/)!;
    const { width, height, data: pixels } = decode(Buffer.from(data!, "base64"));
    expect([width, height, pixels[5]]).toEqual([4, 4, 77]);
  });
});
