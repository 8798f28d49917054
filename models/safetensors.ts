import { UserError } from "../engine/errors.js";

/**
 * Reader and writer of the safetensors format (https://github.com/huggingface/safetensors, "Format"): 8 bytes with the
 * header's length (u64, little-endian), a JSON header, then the tensors' bytes without holes. Browser-safe; every
 * platform with WebGPU is little-endian, so typed arrays are used as they are.
 */

/** Element types, with the array that holds them. `F16` and `BF16` stay as raw 16-bit words: see `toFloat32`. */
export const tensorArrays = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

export type Dtype = keyof typeof tensorArrays;

/** Any of those arrays, over any kind of buffer. */
export type TensorData =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | BigUint64Array
  | Uint32Array
  | Uint8Array;

/** A tensor as it stands in the file: row-major `data`, `shape` of any rank (0-d is `[]`), torch's axis order. */
export interface RawTensor {
  dtype: Dtype;
  shape: number[];
  data: TensorData;
}

/** The content of a file: tensors in the header's order, and its `__metadata__`. */
export interface SafetensorsFile {
  tensors: Map<string, RawTensor>;
  metadata: Record<string, string>;
}

/** The format's own limit on the header, which keeps a damaged length from asking for gigabytes. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = "__metadata__";

interface Entry {
  name: string;
  dtype: Dtype;
  shape: number[];
  begin: number;
  end: number;
}

/**
 * Parses a whole safetensors file. The tensors own their memory: `bytes` may be reused afterwards.
 * Order is the header's (names that are plain integers, such as "0", come first: JSON objects in JavaScript do that).
 * @param source what to call the file in errors
 * @throws UserError when the file is truncated or breaks the format, with the tensor's name and the values found
 */
export function parseSafetensors(bytes: Uint8Array, source = "safetensors file"): SafetensorsFile {
  const { header, dataStart } = readHeader(bytes, source);
  const metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA_KEY) Object.assign(metadata, checkMetadata(value, source));
    else entries.push(checkEntry(name, value, source));
  }
  checkCoverage(entries, bytes.byteLength - dataStart, source);
  const tensors = new Map<string, RawTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const own = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, { dtype, shape, data: new tensorArrays[dtype](own.buffer) });
  }
  return { tensors, metadata };
}

/** The tensors of a file, without its metadata; see `parseSafetensors`. */
export function readSafetensors(bytes: Uint8Array, source?: string): Map<string, RawTensor> {
  return parseSafetensors(bytes, source).tensors;
}

/**
 * Serialises tensors; the header keeps the map's order. Bytes are laid out with the widest types first, so that every
 * tensor is aligned to its element size for readers that map the file.
 * @throws UserError when a tensor's data does not fit its shape or dtype
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, RawTensor>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const offsets = layout(tensors);
  const fields = [...tensors].map(([name, { dtype, shape, data }]) => {
    const begin = offsets.get(name)!;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, begin + data.byteLength] })}`;
  });
  if (Object.keys(metadata).length > 0) fields.unshift(`"${METADATA_KEY}":${JSON.stringify(metadata)}`);
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  let dataBytes = 0;
  for (const { data } of tensors.values()) dataBytes += data.byteLength;
  const file = new Uint8Array(8 + headerBytes + dataBytes).fill(0x20, 8, 8 + headerBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, 8);
  for (const [name, { data }] of tensors) {
    const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    file.set(view, 8 + headerBytes + offsets.get(name)!);
  }
  return file;
}

/**
 * The values of a tensor as f32: a fresh copy for every type but F32, whose own array is returned.
 * F16 and BF16 convert exactly; F64 and integers round to nearest.
 */
export function toFloat32({ dtype, data }: RawTensor): Float32Array {
  if (data instanceof Float32Array) return data;
  const out = new Float32Array(data.length);
  if (dtype === "BF16") {
    const words = new Uint32Array(out.buffer);
    for (let i = 0; i < out.length; i++) words[i] = Number(data[i]) << 16;
    return out;
  }
  const convert = dtype === "F16" ? halfToNumber : Number;
  for (let i = 0; i < out.length; i++) out[i] = convert(Number(data[i]));
  return out;
}

/** Value of an IEEE 754 binary16 word. */
function halfToNumber(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >> 10) & 31;
  const fraction = word & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function readHeader(bytes: Uint8Array, source: string): { header: object; dataStart: number } {
  if (bytes.byteLength < 8) throw broken(source, `${bytes.byteLength} bytes are too few for the 8-byte header length`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw broken(source, `the header claims ${length} bytes, the format allows ${MAX_HEADER_BYTES}`);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.byteLength) {
    throw broken(source, `truncated: the header needs ${dataStart} bytes, the file has ${bytes.byteLength}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch (error) {
    throw broken(source, `the header is not UTF-8 JSON (${error instanceof Error ? error.message : error})`);
  }
  if (!isRecord(header)) throw broken(source, "the header is not a JSON object");
  return { header, dataStart };
}

function checkMetadata(value: unknown, source: string): Record<string, string> {
  if (!isRecord(value) || Object.values(value).some((v) => typeof v !== "string")) {
    throw broken(source, `${METADATA_KEY} must map strings to strings`);
  }
  return value as Record<string, string>;
}

function checkEntry(name: string, value: unknown, source: string): Entry {
  if (!isRecord(value)) throw broken(source, `the entry of tensor "${name}" is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(tensorArrays, dtype)) {
    const known = Object.keys(tensorArrays).join(", ");
    throw broken(source, `tensor "${name}" has the unknown dtype ${JSON.stringify(dtype)}; known: ${known}`);
  }
  if (!isSizes(shape)) throw broken(source, `tensor "${name}" has the shape ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw broken(source, `tensor "${name}" has the data_offsets ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const expected = elements(shape) * tensorArrays[dtype as Dtype].BYTES_PER_ELEMENT;
  if (expected !== end - begin) {
    throw broken(
      source,
      `tensor "${name}" ${dtype} [${shape}] needs ${expected} bytes, its offsets span ${end - begin}`,
    );
  }
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

/** The tensors must tile the data section: no overlap, no hole, nothing left over. */
function checkCoverage(entries: readonly Entry[], dataBytes: number, source: string): void {
  let position = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < position) throw broken(source, `tensor "${name}" overlaps the one before (${begin} < ${position})`);
    if (begin > position)
      throw broken(source, `bytes ${position} to ${begin} before tensor "${name}" belong to nothing`);
    if (end > dataBytes) throw broken(source, `truncated: tensor "${name}" ends at ${end}, the data at ${dataBytes}`);
    position = end;
  }
  if (position !== dataBytes) throw broken(source, `${dataBytes - position} bytes after the last tensor`);
}

/** Checks every tensor and gives its offset in the data section: widest element type first, else in order. */
function layout(tensors: ReadonlyMap<string, RawTensor>): Map<string, number> {
  for (const [name, { dtype, shape, data }] of tensors) {
    if (name === METADATA_KEY) throw new UserError(`writeSafetensors: a tensor cannot be called ${METADATA_KEY}`);
    if (!(data instanceof tensorArrays[dtype])) {
      throw new UserError(`writeSafetensors: "${name}" is ${dtype} but holds a ${data.constructor.name}`);
    }
    if (!isSizes(shape) || elements(shape) !== data.length) {
      throw new UserError(`writeSafetensors: "${name}" has shape [${shape}] but ${data.length} values`);
    }
  }
  const width = ([, { data }]: [string, RawTensor]) => data.BYTES_PER_ELEMENT;
  const offsets = new Map<string, number>();
  let position = 0;
  for (const [name, { data }] of [...tensors].sort((a, b) => width(b) - width(a))) {
    offsets.set(name, position);
    position += data.byteLength;
  }
  return offsets;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function broken(source: string, problem: string): UserError {
  return new UserError(`${source}: not a valid safetensors file: ${problem}. Copy or export the file again.`);
}
