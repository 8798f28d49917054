import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UserError } from "../../engine/errors.js";
import {
  parseSafetensors,
  type RawTensor,
  readSafetensors,
  toFloat32,
  writeSafetensors,
} from "../../models/safetensors.js";

const oracle = (path: string) => readFileSync(new URL(`../fixtures/oracle/${path}`, import.meta.url));

/** A file from a header text and data bytes, with nothing checked. */
function file(header: string, data: number[] = [], headerLength = header.length): Uint8Array {
  const bytes = new Uint8Array(8 + header.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(new TextEncoder().encode(header), 8);
  bytes.set(data, 8 + header.length);
  return bytes;
}

const entry = (dtype: string, shape: string, begin: number, end: number) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

describe("reading", () => {
  it("reads hand-made bytes of every kind of type", () => {
    const header = `{"a":${entry("F32", "[2]", 0, 8)},"n":${entry("I64", "[]", 8, 16)},"m":${entry("U8", "[3]", 16, 19)}}`;
    const data = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 255];
    const tensors = readSafetensors(file(header, data));
    expect([...tensors.keys()]).toEqual(["a", "n", "m"]);
    expect(tensors.get("a")).toEqual({ dtype: "F32", shape: [2], data: new Float32Array([1, -2]) });
    expect(tensors.get("n")).toEqual({ dtype: "I64", shape: [], data: new BigInt64Array([-1n]) });
    expect(tensors.get("m")).toEqual({ dtype: "U8", shape: [3], data: new Uint8Array([1, 0, 255]) });
  });

  it("converts half precision exactly, subnormals and infinities included", () => {
    const words = [0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000, 0x3555];
    const header = `{"h":${entry("F16", "[7]", 0, 14)}}`;
    const values = toFloat32(
      readSafetensors(file(header, [...new Uint8Array(new Uint16Array(words).buffer)])).get("h")!,
    );
    expect([...values]).toEqual([1, -2, 2 ** -24, 65504, Infinity, -0, 0.333251953125]);
    const bf16: RawTensor = { dtype: "BF16", shape: [3], data: new Uint16Array([0x3f80, 0xc000, 0x7fc0]) };
    expect([...toFloat32(bf16)]).toEqual([1, -2, Number.NaN]);
  });

  it("reads a view that starts at an odd byte of a larger buffer", () => {
    const bytes = file(`{"a":${entry("F32", "[1]", 0, 4)}}`, [0, 0, 0x80, 0x3f]);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(readSafetensors(shifted.subarray(3)).get("a")!.data).toEqual(new Float32Array([1]));
  });

  it("reads the reference's own files, written by another program", () => {
    const outputs = readSafetensors(oracle("networks/vgg19_ss_128/outputs.safetensors"));
    const results = { eval: [0.05517447739839554, -0.13345292210578918, 0.13971129059791565, 0.0340273454785347] };
    expect([...(outputs.get("logits_eval")!.data as Float32Array)].slice(0, 4)).toEqual(results.eval);
    const mpl = readSafetensors(oracle("mpl/defaults_like/tensors.safetensors"));
    expect(mpl.size).toBe(193);
    expect(mpl.get("step1/targets")).toMatchObject({ dtype: "I64", shape: [8] });
    expect(mpl.get("init/teacher/bn1.num_batches_tracked")!.shape).toEqual([]);
    const soft = mpl.get("step1/soft_pseudo_label")!.data as Float32Array;
    const stated = JSON.parse(oracle("mpl/defaults_like/results.json").toString()).steps[0].max_probs;
    expect(stated.map((_: number, b: number) => Math.max(...soft.subarray(4 * b, 4 * b + 4)))).toEqual(stated);
  });
});

describe("writing", () => {
  const tensors = new Map<string, RawTensor>([
    ["features.0.weight", { dtype: "F32", shape: [1, 3], data: new Float32Array([1.5, -2, 3e-20]) }],
    ["features.1.num_batches_tracked", { dtype: "I64", shape: [], data: new BigInt64Array([7n]) }],
    ["empty", { dtype: "F32", shape: [0, 4], data: new Float32Array() }],
    ['Zwölf "quoted"', { dtype: "U8", shape: [5], data: new Uint8Array([1, 2, 3, 4, 5]) }],
    ["wide", { dtype: "F64", shape: [1], data: new Float64Array([Math.PI]) }],
  ]);

  it("returns the same tensors, order and metadata after a round trip", () => {
    const { tensors: back, metadata } = parseSafetensors(writeSafetensors(tensors, { format: "pt", note: "ü" }));
    expect([...back]).toEqual([...tensors]);
    expect(metadata).toEqual({ format: "pt", note: "ü" });
  });

  it("starts the data and every tensor at a multiple of its element size", () => {
    const bytes = writeSafetensors(tensors);
    const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerLength % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
    for (const [name, { data }] of tensors) {
      expect((8 + headerLength + header[name].data_offsets[0]) % data.BYTES_PER_ELEMENT, name).toBe(0);
    }
  });

  it("writes only the elements of a view and of an empty map", () => {
    const view = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
    const back = readSafetensors(
      writeSafetensors(new Map([["v", { dtype: "F32", shape: [2], data: view } as RawTensor]])),
    );
    expect(back.get("v")!.data).toEqual(new Float32Array([1, 2]));
    expect(readSafetensors(writeSafetensors(new Map())).size).toBe(0);
  });

  it("refuses data that fits neither the shape nor the dtype", () => {
    const wrongShape: RawTensor = { dtype: "F32", shape: [3], data: new Float32Array(2) };
    expect(() => writeSafetensors(new Map([["w", wrongShape]]))).toThrow(/"w" has shape \[3\] but 2 values/);
    const wrongType: RawTensor = { dtype: "I64", shape: [2], data: new Float32Array(2) };
    expect(() => writeSafetensors(new Map([["w", wrongType]]))).toThrow(/I64 but holds a Float32Array/);
    expect(() => writeSafetensors(new Map([["__metadata__", wrongShape]]))).toThrow(UserError);
  });
});

describe("damaged files", () => {
  const good = `{"a":${entry("U8", "[2]", 0, 2)},"b":${entry("U8", "[2]", 2, 4)}}`;
  const two = (a: [number, number], b: [number, number]) =>
    `{"a":${entry("U8", "[2]", ...a)},"b":${entry("U8", "[2]", ...b)}}`;
  const cases: [string, Uint8Array, RegExp][] = [
    ["no header", new Uint8Array(5), /5 bytes are too few/],
    ["huge header", file("{}", [], 2 ** 40), /claims 1099511627776 bytes/],
    ["header beyond the end", file("{}", [], 64), /header needs 72 bytes, the file has 10/],
    ["cut data", file(good, [1, 2, 3]), /tensor "b" ends at 4, the data at 3/],
    ["extra data", file(good, [1, 2, 3, 4, 5]), /1 bytes after the last tensor/],
    ["overlap", file(two([0, 2], [1, 3]), [1, 2, 3]), /"b" overlaps/],
    ["hole", file(two([0, 2], [3, 5]), [1, 2, 3, 4, 5]), /bytes 2 to 3/],
    ["unknown dtype", file(`{"a":${entry("F4", "[2]", 0, 1)}}`, [1]), /unknown dtype "F4"/],
    ["dtype of Object's own", file(`{"a":${entry("toString", "[1]", 0, 1)}}`, [1]), /unknown dtype "toString"/],
    ["negative size", file(`{"a":${entry("U8", "[-1]", 0, 1)}}`, [1]), /shape \[-1\]/],
    ["size mismatch", file(`{"a":${entry("F32", "[2]", 0, 4)}}`, [1, 2, 3, 4]), /needs 8 bytes, its offsets span 4/],
    ["reversed offsets", file(`{"a":${entry("U8", "[1]", 1, 0)}}`, [1]), /data_offsets \[1,0\]/],
    ["not JSON", file("{nope}"), /not UTF-8 JSON/],
    ["an array", file("[1]"), /not a JSON object/],
    ["metadata of numbers", file(`{"__metadata__":{"x":1}}`), /__metadata__ must map strings/],
    ["entry that is a number", file(`{"a":3}`), /entry of tensor "a" is not an object/],
  ];
  it.each(cases)("names the problem: %s", (_, bytes, message) => {
    expect(() => readSafetensors(bytes, "weights.safetensors")).toThrow(message);
    expect(() => readSafetensors(bytes, "weights.safetensors")).toThrow(/^weights\.safetensors: .*again\.$/);
    expect(() => readSafetensors(bytes)).toThrow(UserError);
  });
  it("accepts the file those cases were made from", () => {
    expect(readSafetensors(file(good, [1, 2, 3, 4])).size).toBe(2);
  });
});
