import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mulberry32 } from "../../../engine/rng.js";
import { parseCsv } from "../../../pipeline/data/csv.js";
import { readGreyImage } from "../../../pipeline/data/imageFile.js";
import { encodeGrey } from "../../../pipeline/data/png.js";
import { coloniesCsv } from "../../../pipeline/detect/table.js";
import { readPredictions } from "../../../pipeline/run/predictions.js";
import { classes, temporaryFolder, writeImage, writeImages } from "./images.js";
import { cli, trainArguments } from "./support.js";

const folder = temporaryFolder();
afterAll(folder.remove);
const at = (path: string) => join(folder.path, path);
/** What the training said. */
let trained: string;
const wells = ["A01", "A02", "B01", "B02"];
const side = 128;
const box = {
  minRow: 0,
  minCol: 0,
  maxRow: side,
  maxCol: side,
  meanIntensity: 5,
  meanEntropy: 2.5,
  touchesBorder: false,
};

/** Two colonies per well and time, as `detect` leaves them: the first of patch size, the second larger. */
function writeColonies(): void {
  const uniform = mulberry32(3);
  const images = wells.flatMap((well, w) =>
    ["00", "06"].map((time, t) => {
      const stem = `${well}_t${time}`;
      writeImage(at(`colonies/images/Unlabelled/${stem}_1.png`), (w + t) % 4, side, uniform);
      writeImage(at(`colonies/images/Unlabelled/${stem}_2.png`), w % 4, 150, uniform);
      return {
        well,
        time,
        file: `${stem}.png`,
        stem,
        colonies: [
          { ...box, area: 900 },
          { ...box, area: 400 },
        ],
      };
    }),
  );
  writeFileSync(at("colonies/colonies.csv"), coloniesCsv(images));
  mkdirSync(at("colonies/masks/Unlabelled"), { recursive: true });
  const mask = { height: side, width: side, pixels: new Uint8Array(side * side).fill(255) };
  mask.pixels.fill(0, 0, 10 * side);
  for (const well of wells) writeFileSync(at(`colonies/masks/Unlabelled/${well}_t00_1.png`), encodeGrey(mask));
  writeFileSync(at("plate.csv"), "well,condition\nA1,control\nA2,control\nB1,nicotine\nB2,nicotine\n");
}

beforeAll(async () => {
  writeImages(at("data"), { size: side, counts: [8, 8, 8, 8], unlabelled: 4 });
  const fixtures = join(import.meta.dirname, "../../fixtures/images");
  const others = { Dark: "camera12.png", Grain: "grey16lzw.tif", Round: "grey.jpg", Stripes: "rgb8lzw.tif" };
  for (const [name, file] of Object.entries(others)) copyFileSync(join(fixtures, file), at(`data/${name}/${file}`));
  const done = await cli([
    ...trainArguments(at("data"), at("run"), ["patch.minForeground=0"]),
    "--config",
    "ms-ipb-vgg",
  ]);
  expect(done.code, done.stderr).toBe(0);
  trained = done.stderr;
  writeColonies();
  const out = ["--out", at("p.csv"), "--plate", at("plate.csv"), "--gallery", at("g.html"), "--gallery-size", "5"];
  const predicted = await cli(["predict", at("run"), at("colonies"), ...out]);
  expect(predicted.code, predicted.stderr).toBe(0);
  expect(predicted.stderr).not.toContain("warning");
  expect(predicted.stdout).toContain(`16 images classified: ${at("p.csv")}`);
});

test("training reads TIFF, JPEG and 16 bits, and says which images are too dark", () => {
  const [, ...parts] = /(\d+) labelled, (\d+) for validation, (\d+) unlabelled, (\d+) for the test/.exec(trained) ?? [];
  expect(parts.reduce((sum, n) => sum + Number(n), 0)).toBe(4 * 9 + 4);
  expect(trained).toContain(`warning: ${at("data/Dark/camera12.png")}: of its 16 bits, the rule "full" leaves`);
});

describe("colonies of a time-lapse, with a multi-scale network", () => {
  test("predict joins well, time and condition, and shows the most uncertain images", async () => {
    const { rows, columns } = await readPredictions(at("p.csv"));
    expect(columns.slice(0, 3)).toEqual(["well", "time", "colony"]);
    expect(columns.at(-1)).toBe("condition");
    for (const { file, more } of rows) {
      expect(file).toContain(`${more.well}_t${more.time}_${more.colony}.png`);
      expect(more.condition).toBe(more.well!.startsWith("A") ? "control" : "nicotine");
    }
    expect(readFileSync(at("g.html"), "utf8").match(/<figure class="card">/g)).toHaveLength(5);
  });

  test("a class map of an image of patch size is its prediction, within the mask", async () => {
    const done = await cli([
      "classmap",
      at("run"),
      at("colonies"),
      "--out",
      at("maps"),
      "--pixel-size",
      "2",
      "--stride",
      "32",
      "--json",
    ]);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stderr).toContain("12 image(s) have no mask, so the whole image is mapped");
    const summary = JSON.parse(done.stdout);
    expect(Object.values<number>(summary.fractions).reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    const { rows } = await readPredictions(at("p.csv"));
    const areas = parseCsv(readFileSync(at("maps/areas.csv"), "utf8"), "areas.csv").rows.map(({ values }) => values);
    expect(areas.map(({ file, well, time }) => [file, well, time])).toEqual(
      rows.map(({ file, more }) => [file, more.well, more.time]),
    );
    for (const [i, { file, predicted }] of rows.entries()) {
      const name = classes[predicted]!;
      if (!file.endsWith("_1.png")) continue;
      const masked = file.includes("_t00_");
      const pixels = (masked ? side - 10 : side) * side;
      expect(areas[i]).toMatchObject({
        largest: name,
        mask_px: String(pixels),
        [`fraction_${name}`]: "1",
        [`um2_${name}`]: String(4 * pixels),
      });
      const stem = file.replace(/^.*[/\\]/, "").replace(".png", "");
      const labels = await readGreyImage(at(`maps/Unlabelled/${stem}_labels.tif`));
      expect(new Set(labels.pixels)).toEqual(new Set(masked ? [0, predicted + 1] : [predicted + 1]));
    }
    const larger = parseCsv(readFileSync(at("maps/areas.csv"), "utf8"), "a").rows.filter(({ values }) =>
      values.file!.endsWith("_2.png"),
    );
    expect(larger.every(({ values }) => values.mask_px === String(150 * 150))).toBe(true);
    expect(readdirSync(at("maps/Unlabelled")).filter((name) => name.endsWith("_map.png"))).toHaveLength(16);
  });

  test("timecourse reads the table that predict wrote", async () => {
    const done = await cli(["timecourse", at("p.csv"), "--weight", "area"]);
    expect([done.code, done.stderr.split("\n").filter((line) => line.includes("error"))]).toEqual([0, []]);
    expect(done.stdout).toContain("16 colony images of 4 wells (control: 2, nicotine: 2), from `p.csv`");
    expect(readdirSync(at("p_timecourse"))).toContain("timecourse.png");
    const json = await cli(["timecourse", at("p.csv"), "--out", at("tc"), "--summary", "slope", "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ out: at("tc"), classes, conditions: ["control", "nicotine"] });
  });
});

test("what is missing or wrong is named before anything is classified", async () => {
  const run = at("run");
  const cases: [string[], string][] = [
    [
      ["predict", run, at("colonies"), "--out", at("x.csv"), "--plate", at("none.csv")],
      `--plate ${at("none.csv")}: cannot be read`,
    ],
    [
      ["predict", run, at("colonies"), "--out", at("x.csv"), "--gallery", at("no/g.html")],
      `--gallery ${at("no/g.html")}: cannot be written`,
    ],
    [["predict", run, at("colonies"), "--out", at("x.csv"), "--gallery-size", "5"], "--gallery-size needs --gallery"],
    [
      ["classmap", run, at("colonies"), "--out", at("m"), "--stride", "129"],
      "--stride 129: patches are 128 px wide, so some pixels would belong to none",
    ],
    [
      ["classmap", run, at("colonies"), "--out", at("m"), "--masks", at("none")],
      `--masks ${at("none")}: there is no such folder`,
    ],
    [["timecourse", at("p.csv"), "--by", "drug"], 'there is no column "drug"'],
    [["timecourse", at("none.csv")], `${at("none.csv")}: cannot be read`],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await cli(args);
    expect(code, args.join(" ")).toBeGreaterThan(0);
    expect(stderr).toContain(message);
  }
});
