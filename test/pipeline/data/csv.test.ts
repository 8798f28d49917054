import { describe, expect, it } from "vitest";
import { csvLine, harmless, parseCsv, unguarded } from "../../../pipeline/data/csv.js";

const rowsOf = (text: string) => parseCsv(text, "l.csv").rows.map(({ values }) => Object.values(values));

describe("parseCsv", () => {
  it("reads quoted commas, quotes and line breaks, a byte-order mark and any line ending", () => {
    const text = '\uFEFFfile,class\r\n"a,b.png",Dense\n\n"say ""x""",  Diff  \r"two\nlines",Spread';
    const table = parseCsv(text, "l.csv");
    expect(table.columns).toEqual(["file", "class"]);
    expect(table.rows).toEqual([
      { line: 2, values: { file: "a,b.png", class: "Dense" } },
      { line: 4, values: { file: 'say "x"', class: "Diff" } },
      { line: 5, values: { file: "two\nlines", class: "Spread" } },
    ]);
  });

  it("takes semicolons or tabs where the first line has no comma, as spreadsheets of many countries write", () => {
    const table = parseCsv('\uFEFFwell;"a, b";dose\r\nA1;"x;y";5,5\r\n', "l.csv");
    expect(table.columns).toEqual(["well", "a, b", "dose"]);
    expect(table.rows).toEqual([{ line: 2, values: { well: "A1", "a, b": "x;y", dose: "5,5" } }]);
    expect(rowsOf("a\tb\n1;2\t3\n")).toEqual([["1;2", "3"]]);
    expect(rowsOf("a,b;c\n1;2,3\n")).toEqual([["1;2", "3"]]);
  });

  it("leaves out rows without a value behind the last one", () => {
    expect(rowsOf("well,condition\nA1,x\n,\nA2,y\n, \n,\n")).toEqual([
      ["A1", "x"],
      ["", ""],
      ["A2", "y"],
    ]);
    expect(rowsOf("well,condition\n,\n")).toEqual([]);
  });

  it("refuses what is not UTF-8, naming the line", () => {
    const latin1 = new TextDecoder().decode(
      Uint8Array.from("well,c\r\nA1,x\r\nA2,Gr\u00f6\u00dfe\r\n", (letter) => letter.charCodeAt(0)),
    );
    expect(() => parseCsv(latin1, "plate.csv")).toThrow(
      'plate.csv, line 3: a letter cannot be read, the file is not UTF-8; save it as "CSV UTF-8"',
    );
  });

  it("keeps empty fields, also at the end of a line and of the file", () => {
    expect(rowsOf("a,b,c\n,,\n1,,\n,,3")).toEqual([
      ["", "", ""],
      ["1", "", ""],
      ["", "", "3"],
    ]);
    expect(rowsOf("a,b\n1,")).toEqual([["1", ""]]);
    expect(rowsOf("a\n1\n")).toEqual([["1"]]);
  });

  it.each([
    ["", /l\.csv: the file is empty/],
    ["a,b\n1,2,3", /l\.csv, line 2: 3 values, but the header names 2 columns \(a, b\)/],
    ["a,a\n", /l\.csv, line 1: column name "a" is empty or repeated/],
    ["a,\n", /column name "" is empty/],
    ['a,b\n1,"open', /l\.csv, line 2: a quote is in the wrong place or never closed/],
    ['a,b\nx"y,2', /line 2: a quote/],
  ])("refuses %j", (text, message) => {
    expect(() => parseCsv(text, "l.csv")).toThrow(message);
  });

  it("reads back what csvLine wrote", () => {
    const fields = ["plain", "a,b", 'q"q', "two\nlines", " blank ", "", "1.5"];
    const header = fields.map((_, i) => `c${i}`).join(",");
    // Outer blanks are trimmed on reading.
    expect(rowsOf(`${header}\n${csvLine(fields)}\n`)).toEqual([fields.map((field) => field.trim())]);
    expect(csvLine([1, "x y", "a,b"])).toBe('1,x y,"a,b"');
  });
});

describe("the guard against formulas", () => {
  it.each(["=1+1", "+1", "-2", "@a", "\t=1", "\r=1"])("takes the meaning from %j, and gives it back", (text) => {
    expect(harmless(text)).toBe(`'${text}`);
    expect(harmless(text, "./")).toBe(`./${text}`);
    expect(unguarded(harmless(text))).toBe(text);
  });

  it.each(["A01", "'quoted'", "1-2", "", "'"])("leaves %j", (text) => {
    expect([harmless(text), unguarded(text)]).toEqual([text, text]);
  });
});
