import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { type ScanOptions, scanDataset } from "../../../pipeline/data/scan.js";
import { type Content, TestFolder } from "./folders.js";

const folders = new TestFolder();
afterAll(() => folders.remove());

const file = { height: 1, width: 1 };
const filesAt = (...paths: string[]): Record<string, Content> => Object.fromEntries(paths.map((path) => [path, file]));
const scan = (files: Record<string, Content>, options?: ScanOptions) => scanDataset(folders.make(files), options);

describe("scanDataset, layouts", () => {
  it("reads images and masks by class and stem, with the special folders", async () => {
    const root = folders.make({
      ...filesAt("images/Dense/b.png", "images/Dense/a.PNG", "images/Diff/a.png", "images/Unlabelled/u.png"),
      ...filesAt("images/MultiLabel/deep/m.png", "masks/Dense/a.png", "masks/MultiLabel/deep/m.png"),
      "images/Dense/notes.txt": "x",
      "images/.DS_Store": "x",
      "README.txt": "x",
    });
    const dataset = await scanDataset(root);
    expect(dataset.classes).toEqual(["Dense", "Diff"]);
    expect(dataset.root).toBe(root);
    const mask = (path: string) => join(root, "masks", path);
    expect(dataset.images.map(({ id, part, label, mask }) => [id, part, label, mask])).toEqual([
      ["Dense/a.PNG", "labelled", 0, mask("Dense/a.png")],
      ["Dense/b.png", "labelled", 0, null],
      ["Diff/a.png", "labelled", 1, null],
      ["MultiLabel/deep/m.png", "multi-label", null, mask("MultiLabel/deep/m.png")],
      ["Unlabelled/u.png", "unlabelled", null, null],
    ]);
    expect(dataset.images.every(({ id, file }) => file === join(root, "images", id))).toBe(true);
    expect(dataset.warnings).toEqual([expect.stringMatching(/^3 image\(s\) have no mask in .*first Dense\/b\.png$/)]);
  });

  it("reads plain class folders, also through links, in code-unit order", async () => {
    const other = folders.make(filesAt("x.png"));
    const dataset = await scan({ ...filesAt("b/1.png", "B/1.png"), a: { link: other } });
    expect(dataset.classes).toEqual(["B", "a", "b"]);
    expect(dataset.images.map(({ id }) => id)).toEqual(["B/1.png", "a/x.png", "b/1.png"]);
    expect(dataset.warnings).toEqual([]);
  });

  it("takes other names for the special folders, and hints at names that look special", async () => {
    const files = filesAt("A/1.png", "B/1.png", "Unlabeled/1.png", "mixed/1.png");
    const dataset = await scan(files, { unlabelled: ["Unlabeled"], multiLabel: ["mixed"] });
    expect(dataset.images.map(({ part }) => part)).toEqual(["labelled", "labelled", "unlabelled", "multi-label"]);
    const without = await scan(files);
    expect(without.classes).toEqual(["A", "B", "Unlabeled", "mixed"]);
    expect(without.warnings).toEqual([expect.stringMatching(/"Unlabeled" is taken as a class/)]);
  });

  it("warns about masks without an image and an empty special folder", async () => {
    const dataset = await scan(
      filesAt(
        "images/A/1.png",
        "images/B/1.png",
        "images/Unlabelled/",
        "masks/A/1.png",
        "masks/A/2.png",
        "masks/B/1.png",
      ),
    );
    expect(dataset.warnings).toEqual([
      expect.stringMatching(/Unlabelled: holds no images/),
      expect.stringMatching(
        /^1 mask\(s\) in .*masks have no image of the same folder and stem and are not used, first A\/2\.png$/,
      ),
    ]);
  });
});

describe("scanDataset, labels from a CSV", () => {
  const images = filesAt(
    "images/w1_1.png",
    "images/w1_2.png",
    "images/w2_1.png",
    "images/sub/w3.png",
    "images/MultiLabel/m.png",
  );
  const withCsv = async (csv: string, options: ScanOptions = {}) => {
    const root = folders.make({ ...images, "labels.csv": csv });
    return scanDataset(root, { labels: join(root, "labels.csv"), ...options });
  };

  it("replaces the folders, finds images by id, by images/ path or by unique name, and groups by a column", async () => {
    const csv = "file,class,well\nw1_1.png,A,p\nimages/w1_2.png,B,p\n./w2_1.png,Unlabelled,q\nw3.png,A,\n";
    const dataset = await withCsv(csv, { groupBy: "well" });
    expect(dataset.classes).toEqual(["A", "B"]);
    expect(dataset.images.map(({ id, part, label, group }) => [id, part, label, group])).toEqual([
      ["MultiLabel/m.png", "multi-label", null, null],
      ["sub/w3.png", "labelled", 0, null],
      ["w1_1.png", "labelled", 0, "p"],
      ["w1_2.png", "labelled", 1, "p"],
      ["w2_1.png", "unlabelled", null, "q"],
    ]);
    expect(dataset.warnings).toEqual([expect.stringMatching(/groupBy "well" gives no group for 2 image\(s\)/)]);
  });

  it("counts images without a row or class as unlabelled, with a warning", async () => {
    const dataset = await withCsv("file,class\nw1_1.png,A\nw1_2.png,B\nw2_1.png,\n");
    expect(dataset.images.filter(({ part }) => part === "unlabelled").map(({ id }) => id)).toEqual([
      "sub/w3.png",
      "w2_1.png",
    ]);
    expect(dataset.warnings).toEqual([expect.stringMatching(/^2 image\(s\) have no class in .*labels\.csv/)]);
  });

  it("serves groupBy alone when it has no class column", async () => {
    const root = folders.make({ ...filesAt("A/1.png", "B/1.png"), "l.csv": "file,well\nA/1.png,x\nB/1.png,y\n" });
    const dataset = await scanDataset(root, { labels: join(root, "l.csv"), groupBy: "well" });
    expect(dataset.images.map(({ label, group }) => [label, group])).toEqual([
      [0, "x"],
      [1, "y"],
    ]);
  });

  it.each([
    ["name,class\nx,A\n", /labels\.csv: the header has columns "name", "class", but "file" is missing/],
    ["file;class,well\nx;A,1\n", /has commas and semicolons: save it with one of them/],
    ["file,class\nnone.png,A\n", /labels\.csv, line 2: no image "none\.png" in the images folder/],
    ["file,class\nw1_1.png,A\nw1_1.png,B\n", /labels\.csv, line 3: image "w1_1\.png" has a second row/],
    ["file,class\nw1_1.png,A\n", /labels\.csv: found only one class \("A"\)/],
  ])("refuses %j", async (csv, message) => {
    await expect(withCsv(csv)).rejects.toThrow(UserError);
    await expect(withCsv(csv)).rejects.toThrow(message);
  });

  it("refuses a name that several folders have, and a file that is not there", async () => {
    const root = folders.make({ ...filesAt("A/1.png", "B/1.png"), "l.csv": "file,class\n1.png,x\n" });
    await expect(scanDataset(root, { labels: join(root, "l.csv") })).rejects.toThrow(
      /several folders have an image "1\.png"/,
    );
    await expect(scanDataset(root, { labels: join(root, "no.csv") })).rejects.toThrow(
      /labels: cannot read .*no\.csv \(ENOENT\)/,
    );
  });
});

describe("scanDataset, groups", () => {
  const files = filesAt("A/w1_t1.png", "A/w1_t2.png", "B/w2_t1.png", "B/x.png");

  it.each([
    ["^w\\d+", ["w1", "w1", "w2", null]],
    ["^w(\\d+)_", ["1", "1", "2", null]],
  ])("takes the capture group or the match of %s", async (groupBy, expected) => {
    const dataset = await scan(files, { groupBy });
    expect(dataset.images.map(({ group }) => group)).toEqual(expected);
    expect(dataset.warnings).toEqual([
      expect.stringMatching(/no group for 1 image\(s\): each is its own group, first B\/x\.png/),
    ]);
  });

  it("refuses an expression that is invalid or matches nothing", async () => {
    await expect(scan(files, { groupBy: "(" })).rejects.toThrow(/groupBy: "\(" is not a valid regular expression/);
    await expect(scan(files, { groupBy: "plate" })).rejects.toThrow(
      /groupBy: "plate" matches no file name, for example not that of A\/w1_t1\.png/,
    );
  });
});

describe("scanDataset, errors", () => {
  it.each<[string, Record<string, Content>, RegExp, ScanOptions?]>([
    ["nothing", {}, /: no class folders; it holds no images \(\.png, \.tif, \.jpg\)/],
    [
      "images without class folders",
      filesAt("images/1.png"),
      /images: no class folders; found 1 image file\(s\) directly in it\..*<Class>\/1\.png/,
    ],
    [
      "an image outside the class folders",
      filesAt("A/1.png", "B/1.png", "x.png"),
      /x\.png: 1 image\(s\) lie outside the class folders/,
    ],
    ["one class", filesAt("images/A/1.png", "images/Unlabelled/1.png"), /images: found only one class \("A"\)/],
    ["no labelled class", filesAt("images/Unlabelled/1.png"), /found no class with a label/],
    ["an empty class", filesAt("A/1.png", "B/"), /\/B: holds no images \(.*\); add images or remove the folder/],
    [
      "a maker's format",
      { ...filesAt("A/1.png", "B/1.png"), "B/2.CZI": "x" },
      /B\/2\.CZI: is Zeiss CZI, which is not read here\. Convert it without loss to OME-TIFF: "bfconvert 2\.CZI/,
    ],
    ["a bitmap", { ...filesAt("A/1.png", "B/1.png"), "B/2.bmp": "x" }, /B\/2\.bmp: is BMP, .*Save it as PNG or TIFF/],
    [
      "equal stems of two formats",
      filesAt("A/1.png", "A/1.tif", "B/1.png"),
      /A\/1\.png and .*1\.tif have the same stem/,
    ],
    ["equal stems", filesAt("A/1.png", "A/1.PNG", "B/1.png"), /A\/1\.PNG and .*A\/1\.png have the same stem/],
    [
      "masks without images",
      filesAt("A/1.png", "B/1.png", "masks/A/1.png"),
      /has a folder "masks" but no folder "images"/,
    ],
    [
      "a wrong special folder",
      filesAt("A/1.png", "B/1.png"),
      /there is no folder "extra"; the folders are A, B/,
      { unlabelled: ["extra"] },
    ],
    ["a broken link", { ...filesAt("A/1.png"), B: { link: "/nowhere/at/all" } }, /\/B: this link leads nowhere/],
    ["101 classes", filesAt(...Array.from({ length: 101 }, (_, i) => `c${i}/1.png`)), /found 101 classes, at most 100/],
  ])("refuses %s", async (_, files, message, options) => {
    const root = folders.make(files);
    await expect(scanDataset(root, options)).rejects.toThrow(UserError);
    await expect(scanDataset(root, options)).rejects.toThrow(message);
  });

  it("refuses a folder that is not there, a file, and a link that leads back", async () => {
    await expect(scanDataset(join(folders.root, "none"))).rejects.toThrow(
      /data: there is no folder .*none; give the folder/,
    );
    const root = folders.make({ "x.png": file });
    await expect(scanDataset(join(root, "x.png"))).rejects.toThrow(/data: .*x\.png is a file; give the folder/);
    const loop = folders.make({ ...filesAt("A/1.png"), "A/back": { link: ".." } });
    await expect(scanDataset(loop)).rejects.toThrow(/back: this link leads back to a folder above it/);
  });
});
