import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { Rng } from "../../../engine/rng.js";
import { decodeGrey, decodeMask, encodeGrey, parsePngHeader, readGrey } from "../../../pipeline/data/png.js";

const folder = new URL("../../fixtures/png/", import.meta.url);
const expected = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")) as {
  height: number;
  width: number;
  grey: Record<string, number[]>;
};
const temporary = mkdtempSync(join(tmpdir(), "equipoise-png-"));
afterAll(() => rmSync(temporary, { recursive: true }));

describe("decodeGrey", () => {
  it.each(Object.entries(expected.grey))("reads %s as Pillow and OpenCV do", (name, grey) => {
    const image = decodeGrey(readFileSync(new URL(name, folder)), name);
    expect([image.height, image.width]).toEqual([expected.height, expected.width]);
    expect([...image.pixels]).toEqual(grey);
  });

  it("reads back what encodeGrey wrote, whatever the size", () => {
    const rng = new Rng(1, "test/png");
    for (const [height, width] of [
      [1, 1],
      [64, 64],
      [7, 130],
    ] as const) {
      const pixels = Uint8Array.from({ length: height * width }, () => rng.int(256));
      const bytes = encodeGrey({ height, width, pixels });
      expect(parsePngHeader(bytes, "x.png")).toEqual({ height, width, depth: 8, colorType: 0, interlaced: false });
      expect(decodeGrey(bytes, "x.png")).toEqual({ height, width, pixels });
    }
  });
});

describe("damaged files", () => {
  const good = readFileSync(new URL("grey8.png", folder));

  it("name the file wherever it is cut short", () => {
    for (let length = 0; length < good.length; length++) {
      const attempt = () => decodeGrey(Buffer.from(good.subarray(0, length)), "Dense/a.png");
      expect(attempt, `${length} bytes`).toThrow(UserError);
      expect(attempt).toThrow(/^Dense\/a\.png: /);
    }
  });

  it("never pass another kind of error, whichever bit is flipped", () => {
    let refused = 0;
    for (let byte = 0; byte < good.length; byte++) {
      const bytes = Buffer.from(good);
      bytes[byte]! ^= 1 << (byte % 8);
      try {
        decodeGrey(bytes, "a.png");
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0.95 * good.length);
  });

  it.each([
    ["grey8.png", /^a\.png: the PNG is damaged or cut short \(70 bytes of pixels instead of 154\)/],
    ["grey8-interlaced.png", /^a\.png: the PNG is damaged or cut short/],
  ] as const)("refuse %s when pixel rows are missing though every chunk is whole", (name, message) => {
    const png = readFileSync(new URL(name, folder));
    const rows = deflateSync(Buffer.alloc(5 * (expected.width + 1)));
    expect(() => decodeGrey(withPixelData(png, rows), "a.png")).toThrow(message);
  });

  it("say what a file is that is no PNG", () => {
    const jpeg = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(60)]);
    expect(() => decodeGrey(jpeg, "a.png")).toThrow(/a\.png: is not a PNG file \(first bytes ff d8 ff e0\)/);
    expect(() => decodeGrey(Buffer.alloc(0), "a.png")).toThrow(/a\.png: the file is empty/);
    expect(() => readGrey(join(temporary, "none.png"))).toThrow(/none\.png: cannot be read \(ENOENT\)/);
  });

  it("refuse a size that no image has", () => {
    const bytes = Buffer.from(good);
    bytes.writeUInt32BE(2 ** 31 - 1, 16);
    expect(() => decodeGrey(bytes, "a.png")).toThrow(/a\.png: 2147483647 x 11 px is more than/);
    bytes.writeUInt32BE(0, 16);
    expect(() => decodeGrey(bytes, "a.png")).toThrow(/a\.png: the PNG header is damaged/);
  });
});

describe("masks", () => {
  it("count every value above 0 as foreground", () => {
    const pixels = Uint8Array.of(0, 1, 127, 128, 255, 0);
    const bytes = encodeGrey({ height: 2, width: 3, pixels });
    expect([...decodeMask(bytes, "m.png").pixels]).toEqual([0, 1, 1, 1, 1, 0]);
    const oneBit = decodeMask(readFileSync(new URL("grey1.png", folder)), "grey1.png");
    expect([...oneBit.pixels]).toEqual(expected.grey["grey1.png"]!.map((value) => (value > 0 ? 1 : 0)));
  });
});

/** The PNG with its IDAT chunk replaced, checksum included. */
function withPixelData(png: Buffer, data: Buffer): Buffer {
  const start = png.indexOf("IDAT") - 4;
  const end = start + 12 + png.readUInt32BE(start);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(data.length, 0);
  head.write("IDAT", 4, "latin1");
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), data])));
  return Buffer.concat([png.subarray(0, start), head, data, checksum, png.subarray(end)]);
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
