import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { parseCsv } from "../../../pipeline/data/csv.js";
import { coloniesCsv } from "../../../pipeline/detect/table.js";
import { searchRoot } from "../../../pipeline/predictions/colonies.js";
import { joinFacts, readPlate } from "../../../pipeline/predictions/join.js";
import { plateMap, wellKey } from "../../../pipeline/predictions/wells.js";
import { predictionsCsv, readPredictions, writePredictions } from "../../../pipeline/run/predictions.js";

const root = mkdtempSync(join(tmpdir(), "join-"));
afterAll(() => rmSync(root, { recursive: true }));
let made = 0;

/** A new folder with files. */
function folder(files: Record<string, string>): string {
  const path = join(root, String(made++));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

const box = { minRow: 1, minCol: 2, maxRow: 3, maxCol: 4, meanIntensity: 5, meanEntropy: 2.5, touchesBorder: false };
const colonies = [
  { ...box, area: 900 },
  { ...box, area: 800 },
];
/** What `detect` writes of two wells with two colonies each; one stem looks like a formula. */
const detected = coloniesCsv([
  { well: "A01", time: "07", file: "A01_t07.png", stem: "A01_t07", colonies },
  { well: "=B2", time: "", file: "x.png", stem: "-x", colonies },
]);
const crops = ["A01_t07_1.png", "A01_t07_2.tif", "-x_1.png", "-x_2.png"];

function log() {
  const said = { infos: [] as string[], warnings: [] as string[] };
  return { said, info: (text: string) => said.infos.push(text), warn: (text: string) => said.warnings.push(text) };
}

function dataSet(names = crops, table = detected): { path: string; images: { file: string; input: string }[] } {
  const path = folder({ "colonies.csv": table, ...Object.fromEntries(names.map((name) => [`images/U/${name}`, "x"])) });
  return { path, images: names.map((name) => ({ file: join(path, "images/U", name), input: path })) };
}

describe("colonies.csv", () => {
  test("is found above the images, and its rows by the names of the crops", () => {
    const { images } = dataSet();
    const talk = log();
    const { columns, rows } = joinFacts(images, null, talk);
    expect(columns.slice(0, 3)).toEqual(["well", "time", "colony"]);
    expect(rows.map(({ well, time, colony, area }) => [well, time, colony, area])).toEqual([
      ["A01", "07", "1", "900"],
      ["A01", "07", "2", "800"],
      ["=B2", "", "1", "900"],
      ["=B2", "", "2", "800"],
    ]);
    expect(talk.said).toEqual({ infos: [], warnings: [] });
  });

  test("is looked for up to the folder that was named, of a data set up to its top, never above", () => {
    const { path, images } = dataSet();
    const wells = (input: string) =>
      joinFacts(
        images.map(({ file }) => ({ file, input })),
        null,
        log(),
      ).rows.map(({ well }) => well);
    for (const input of [path, join(path, "images"), join(path, "images/U")]) expect(wells(input)[0]).toBe("A01");
    expect(wells(images[0]!.file)[0]).toBe("A01");
    const plain = folder({ "colonies.csv": detected, "sub/A01_t07_1.png": "x" });
    const file = join(plain, "sub/A01_t07_1.png");
    expect(joinFacts([{ file, input: join(plain, "sub") }], null, log()).columns).toEqual([]);
    expect(joinFacts([{ file, input: plain }], null, log()).rows[0]!.well).toBe("A01");
    expect(searchRoot(join(plain, "images", "x.png"), false)).toBe(plain);
  });

  test("names images without a row and rows without an image", () => {
    const { path, images } = dataSet(["A01_t07_1.png", "-x_1.png", "-x_2.png", "other.png"]);
    const talk = log();
    expect(joinFacts(images, null, talk).rows[3]).toEqual({});
    expect(talk.said.warnings).toEqual([
      `1 image(s) have no row in colonies.csv, so their well and time stay empty: ${join(path, "images/U/other.png")}`,
      `${join(path, "colonies.csv")}: 1 row(s) have no image and are left out: A01_t07_2`,
    ]);
    const some = log();
    joinFacts([{ file: images[0]!.file, input: images[0]!.file }], null, some);
    expect(some.said.warnings).toEqual([]);
  });

  test("of another kind is passed over with a warning; a damaged one is refused", () => {
    const other = dataSet(crops, "well,time,colony,class\nA01,7,1,Diff\n");
    const talk = log();
    expect(joinFacts(other.images, null, talk).columns).toEqual([]);
    expect(talk.said.warnings).toEqual([expect.stringMatching(/colonies\.csv is not used: there is no column "stem"/)]);
    const twice = detected.replace(/A01_t07,2/, "A01_t07,1");
    expect(() => joinFacts(dataSet(crops, twice).images, null, log())).toThrow(
      /colonies\.csv, line 5: colony A01_t07_1 has a row already/,
    );
  });
});

describe("a plate map", () => {
  const plate = (text: string) => readPlate(join(folder({ "plate.csv": text }), "plate.csv"));

  test("is joined by the well, however it is written, with all its columns", () => {
    const { images } = dataSet(crops, detected.replaceAll("'=B2", "B2"));
    const talk = log();
    const map = plate("\uFEFFcondition,well,dose\r\nnicotine,a1,5\r\ncontrol,B002,0\r\ncontrol,C3,0\r\n");
    const { columns, rows } = joinFacts(images, map, talk);
    expect(columns.slice(-2)).toEqual(["condition", "dose"]);
    expect(rows.map(({ well, condition, dose }) => [well, condition, dose])).toEqual([
      ["A01", "nicotine", "5"],
      ["A01", "nicotine", "5"],
      ["B2", "control", "0"],
      ["B2", "control", "0"],
    ]);
    expect(talk.said.warnings).toEqual([expect.stringMatching(/plate\.csv: no image is of well\(s\) C03$/)]);
  });

  test("warns of wells that it lacks, and leaves their columns empty", () => {
    const talk = log();
    const { rows } = joinFacts(dataSet().images, plate("well,condition\nA01,x\n"), talk);
    expect(rows.map(({ condition }) => condition)).toEqual(["x", "x", undefined, undefined]);
    expect(talk.said.warnings).toEqual([expect.stringMatching(/1 well\(s\) of the images have no row, .*: =B2$/)]);
  });

  test("is joined by file names where there is no colonies.csv", () => {
    const path = folder({});
    const files = ["plate/A01_t07_3.png", "B3.tif", "other.png"].map((name) => ({
      file: join(path, name),
      input: root,
    }));
    const talk = log();
    const { columns, rows } = joinFacts(files, plate("well,condition\nA1,x\nB3,y\n"), talk);
    expect(columns).toEqual(["well", "time", "condition"]);
    expect(rows).toEqual([{ well: "A01", time: "07", condition: "x" }, { well: "B3", time: "", condition: "y" }, {}]);
    expect(talk.said.infos[0]).toContain("wells are read from file names");
    expect(() => joinFacts(files.slice(2), plate("well,condition\nA1,x\n"), log())).toThrow(
      /--plate .*plate\.csv: no image has a well: no colonies\.csv/,
    );
  });

  test.each([
    ["Plate,Wells\nA1,x\n", /there is no column "well"; it has "Plate", "Wells"\.$/],
    ["plate,condition\nA1,x\n", /p\.csv: there is no column "well"; it has "plate", "condition"\./],
    [
      "well;condition,dose\nA1;x,1\n",
      /p\.csv: there is no column "well"; .* It has commas and semicolons: save it with one/,
    ],
    ["well,condition\nA1,x\nA01,y\n", /p\.csv, line 3: well A01 has a row already, in line 2; keep one/],
    ["well,condition\n,x\n", /p\.csv, line 2: the well has no name/],
    ["well\nA1\n", /there is only the column "well"; add what the wells differ in/],
    ["well,entropy\nA1,1\n", /predictions have a column "entropy" of their own/],
    ["well,p_Diff\nA1,1\n", /a column "p_Diff" of their own/],
    ["well,area\nA1,1\n", /a column "area" of their own/],
  ])("refuses %j", (text, message) => {
    const read = () => plateMap(parseCsv(text, "p.csv"), "p.csv", ["area"]);
    expect(read).toThrow(UserError);
    expect(read).toThrow(message);
  });

  test("may call its column Well", () => {
    const { columns, wells } = plateMap(parseCsv("Condition,Well\nx,A1\n", "p.csv"), "p.csv", []);
    expect([columns, wells.get("A01")]).toEqual([["Condition"], { Condition: "x" }]);
  });

  test("that is not there is named", () => {
    expect(() => readPlate(join(root, "none.csv"))).toThrow(/--plate .*none\.csv: cannot be read \(ENOENT\)/);
  });

  test("wells are one whatever their zeros and capitals", () => {
    expect(["a1", "A01", "A001", "P24", "AB3", "left dish", " B2 "].map(wellKey)).toEqual([
      "A01",
      "A01",
      "A01",
      "P24",
      "AB03",
      "left dish",
      "B02",
    ]);
  });
});

test("joined columns stand behind the entropy, guarded against formulas, and are read back", async () => {
  const more = { columns: ["well", "=dose"], rows: [{ well: "=A1", "=dose": "-5" }, {}] };
  const rows = [
    { file: "a.png", probabilities: [0.25, 0.75] },
    { file: "=b.png", probabilities: [1, 0] },
  ];
  expect(predictionsCsv(rows, ["A", "B"], more)).toBe(
    "file,class,p_A,p_B,entropy,well,'=dose\r\na.png,B,0.25,0.75,0.8112781,'=A1,'-5\r\n./=b.png,A,1,0,0,,\r\n",
  );
  const file = join(root, "p.csv");
  await writePredictions(file, rows, ["A", "B"], more);
  const table = await readPredictions(file);
  expect(table.columns).toEqual(["well", "=dose"]);
  expect(table.rows.map((row) => row.more)).toEqual([
    { well: "=A1", "=dose": "-5" },
    { well: "", "=dose": "" },
  ]);
  // As a spreadsheet of a country with decimal commas saves it.
  writeFileSync(file, "file;class;p_A;p_B;entropy;dose\r\na.png;B;0,25;0,75;0,8112781;5,5\r\n");
  expect((await readPredictions(file)).rows).toEqual([
    expect.objectContaining({ file: "a.png", predicted: 1, probabilities: [0.25, 0.75], more: { dose: "5,5" } }),
  ]);
  writeFileSync(file, "file;class;p_A;p_B;entropy\r\na.png;B;3,1E-08;1;0\r\n");
  expect((await readPredictions(file)).rows[0]?.probabilities).toEqual([3.1e-8, 1]);
  for (const wrong of ["", "1,2", "0,1,2", "half", "0x1"]) {
    writeFileSync(file, `file;class;p_A;p_B;entropy\r\na.png;B;0,5;${wrong};1\r\n`);
    await expect(readPredictions(file), wrong).rejects.toThrow(
      `p.csv, line 2: p_B is "${wrong}", expected a number from 0 to 1`,
    );
  }
  writeFileSync(file, "file;p_A\n");
  await expect(readPredictions(file)).rejects.toThrow(/the first line is "file,p_A", expected file,class,p_<Class>/);
});
