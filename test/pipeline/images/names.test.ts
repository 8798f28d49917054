import { describe, expect, test } from "vitest";
import { cleanStem, parsePattern, stemOf, wellTime } from "../../../pipeline/images/index.js";

describe("well and time from the name", () => {
  test.each([
    ["A1_t00", "A1", "00"],
    ["plate2_B03_h012", "B03", "012"],
    ["B3h012", "B3", "012"],
    ["C12 frame_7", "C12", "7"],
    ["D4", "D4", ""],
    ["VID12_E5_1_2024y05m10d_12h00m", "E5", "2024y05m10d_12h00m"],
    ["F6_1_01d06h30m", "F6", "01d06h30m"],
    ["wells/G7/t03", "G7", "03"],
    ["wells\\H8\\T3", "H8", "3"],
    ["DSCA1_0042", "DSCA1_0042", ""],
    ["A123", "A123", ""],
    ["sequence07", "sequence07", ""],
  ])("%s: well %s, time %s", (path, well, time) => {
    expect(wellTime(path, null)).toEqual({ well, time });
  });

  test("a pattern of the user's comes before what the file says, the default pattern after it", () => {
    const meta = { well: "B3", time: "4" };
    expect(wellTime("A1_t9", null, meta)).toEqual({ well: "B3", time: "4" });
    expect(wellTime("A1_t9", parsePattern("(?<well>[A-H]\\d)_t(?<time>\\d)"), meta)).toEqual({ well: "A1", time: "9" });
    expect(wellTime("x", parsePattern("(?<well>[A-H]\\d)"), { time: "4" })).toEqual({ well: "x", time: "4" });
  });

  test("a pattern that cannot be used", () => {
    expect(() => parsePattern("(?<well>[")).toThrow(/--pattern .*no regular expression/);
    expect(() => parsePattern("([A-P]\\d+)")).toThrow(/--pattern .*\(\?<well>/);
  });
});

test("stems are legal names that nothing else in the folder has", () => {
  expect(["a/b.ome.tif", "b.tar.png", "c", "d\\e.OME.TIFF"].map(stemOf)).toEqual(["b", "b.tar", "c", "e"]);
  expect(["a:b?", "images", "Masks", "..", "x. "].map(cleanStem)).toEqual([
    "a_b_",
    "images_well",
    "Masks_well",
    "_",
    "x_",
  ]);
});
