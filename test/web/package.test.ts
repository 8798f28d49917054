import { strFromU8, unzipSync } from "fflate";
import { PNG } from "pngjs";
import { expect, test } from "vitest";
import { blobSource, mostFileBytes } from "../../demo/web/worker/files.js";
import { resultsZip } from "../../demo/web/worker/package.js";
import type { Colony } from "../../pipeline/detect/colony.js";

const [w, h] = [40, 30];
const pixels = Uint8Array.from({ length: w * h }, (_, i) => i % 251);
const mask = new Uint8Array(w * h);
for (let y = 5; y < 15; y++) mask.fill(255, y * w + 8, y * w + 20);
const colony: Colony = {
  ...{ minRow: 5, minCol: 8, maxRow: 15, maxCol: 20, area: 120, meanIntensity: 99.5, meanEntropy: 3.25 },
  touchesBorder: false,
};

test("results are packed as the folder that equipoise detect writes", () => {
  const well = { well: "B2", time: "7", file: "=B2.png", stem: "=B2" };
  const files = unzipSync(resultsZip([{ ...well, w, h, pixels, mask, colonies: [colony] }]));
  expect(Object.keys(files).sort()).toEqual([
    ...["=B2/mask.png", "=B2/overlay.png", "colonies.csv"],
    ...["images/Unlabelled/=B2_1.png", "masks/Unlabelled/=B2_1.png"],
  ]);
  expect(strFromU8(files["colonies.csv"]!)).toBe(
    "well,time,file,stem,n,min_row,min_col,max_row,max_col,area,mean_intensity,mean_entropy,touches_border\r\n" +
      "B2,7,./=B2.png,'=B2,1,5,8,15,20,120,99.5,3.25,false\r\n",
  );
  const crop = PNG.sync.read(Buffer.from(files["images/Unlabelled/=B2_1.png"]!));
  expect([crop.width, crop.height, crop.data[0], crop.data[4]]).toEqual([12, 10, (5 * w + 8) % 251, (5 * w + 9) % 251]);
  const all = PNG.sync.read(Buffer.from(files["=B2/mask.png"]!));
  expect(Uint8Array.from({ length: w * h }, (_, i) => all.data[i * 4]!)).toEqual(mask);
});

test("a file that is too large is refused before anything of it is read", () => {
  const file = new File(["x"], "huge.tif");
  Object.defineProperty(file, "size", { value: mostFileBytes + 1 });
  file.slice = () => {
    throw new Error("was read");
  };
  expect(() => blobSource(file)).toThrow(/^huge.tif: has 512 MB, more than .* equipoise detect/);
});

test("a file is read in parts", async () => {
  const source = blobSource(new File(["abcdefgh"], "a.bin"));
  expect(source.size).toBe(8);
  expect([...(await source.read(2, 3))]).toEqual([99, 100, 101]);
  expect(await source.read(6, 10)).toHaveLength(2);
});
