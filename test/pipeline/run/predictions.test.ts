import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { predictionsCsv, readPredictions, writePredictions } from "../../../pipeline/run/predictions.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "predictions-"));
});
afterEach(() => rm(folder, { recursive: true }));

const classes = ["Debris", 'De"n,se', "+Diff"];

describe("predictions.csv", () => {
  it("has the documented columns, 7 digits, entropy in bits, CRLF", () => {
    const rows = [{ file: "Dense/a.png", probabilities: Float32Array.of(0.25, 0.75), truth: 0 }];
    expect(predictionsCsv(rows, ["A", "B"])).toBe(
      "file,class,truth,p_A,p_B,entropy\r\nDense/a.png,B,A,0.25,0.75,0.8112781\r\n",
    );
  });

  it("leaves the truth column out when no truth is known, and its cell empty where one is not", () => {
    const known = { file: "a", probabilities: [1, 0], truth: 1 };
    const unknown = { file: "b", probabilities: [0.5, 0.5], truth: null };
    expect(predictionsCsv([unknown, { ...unknown }], ["A", "B"]).split("\r\n")[0]).toBe("file,class,p_A,p_B,entropy");
    expect(predictionsCsv([known, unknown], ["A", "B"]).split("\r\n")[2]).toBe("b,A,,0.5,0.5,1");
  });

  it("survives commas, quotes, line breaks and formula characters in names", async () => {
    const file = join(folder, "p.csv");
    const names = ['x,"y"\n.png', "=1+1.png", "-2.png", "@a.png", "+b.png", "plain ü.png"];
    await writePredictions(
      file,
      names.map((name, i) => ({ file: name, probabilities: [0, 0, 1], truth: i % 3 })),
      classes,
    );
    const table = await readPredictions(file);
    expect(table.classes).toEqual(classes);
    expect(table.rows.map((r) => r.file)).toEqual([names[0], ...names.slice(1, 5).map((n) => `./${n}`), names[5]]);
    expect(table.rows.map((r) => join("/images", r.file))).toEqual(names.map((n) => join("/images", n)));
    expect(table.rows.map((r) => r.truth)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(table.rows.every((r) => r.predicted === 2 && r.probabilities[2] === 1)).toBe(true);
    for (const line of (await readFile(file, "utf8")).split("\r\n").slice(1)) expect(line).not.toMatch(/^[=+\-@]/);
  });

  it("names the file and the row of a bad table", async () => {
    const file = join(folder, "p.csv");
    await writeFile(file, "name,score\na,1\n");
    await expect(readPredictions(file)).rejects.toThrow('p.csv: the first line is "name,score"');
    await writeFile(file, "file,class,p_A,p_B,entropy\na,A,1,0,0\nb,C,0,1,0\n");
    await expect(readPredictions(file)).rejects.toThrow('line 3: class "C" is none of A, B');
    await writeFile(file, "file,class,p_A,p_B,entropy\na,A,1\n");
    await expect(readPredictions(file)).rejects.toThrow("line 2: 3 values");
    await writeFile(file, "file,class,p_A,p_B,entropy\na,A,1,x,0\n");
    await expect(readPredictions(file)).rejects.toThrow('line 2: p_B is "x"');
    await expect(readPredictions(join(folder, "none.csv"))).rejects.toThrow("cannot be read");
    await expect(writePredictions(join(folder, "no", "p.csv"), [], ["A"])).rejects.toThrow("Choose a folder");
  });
});
