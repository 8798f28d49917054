import { type Unzipped, unzipSync } from "fflate";
import { UserError } from "../../engine/errors.js";
import { type Dtype, type RawTensor, type TensorData, tensorArrays } from "../../models/safetensors.js";
import { PickleError, PickleGlobal, type PickleHooks, PickleObject, type PickleValue, readPickle } from "./pickle.js";

/** A tensor inside a checkpoint. */
export class TorchTensor extends PickleObject {
  constructor(readonly raw: RawTensor) {
    super();
  }
}

/** The memory that tensors are windows of. */
class Storage extends PickleObject {
  constructor(
    readonly dtype: Dtype,
    readonly bytes: Uint8Array,
    readonly length: number,
  ) {
    super();
  }
}

const storages: Record<string, { dtype: Dtype; size: number }> = {
  "torch.FloatStorage": { dtype: "F32", size: 4 },
  "torch.DoubleStorage": { dtype: "F64", size: 8 },
  "torch.HalfStorage": { dtype: "F16", size: 2 },
  "torch.BFloat16Storage": { dtype: "BF16", size: 2 },
  "torch.LongStorage": { dtype: "I64", size: 8 },
  "torch.IntStorage": { dtype: "I32", size: 4 },
  "torch.ShortStorage": { dtype: "I16", size: 2 },
  "torch.CharStorage": { dtype: "I8", size: 1 },
  "torch.ByteStorage": { dtype: "U8", size: 1 },
  "torch.BoolStorage": { dtype: "BOOL", size: 1 },
};

/** The only functions that a checkpoint may name, besides the storages. None of them runs code of the file. */
const functions = ["collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"];

/** How to convert what is refused. */
const conversion =
  "Convert it where it can be trusted, with PyTorch and the safetensors package: " +
  'state = torch.load(FILE, map_location="cpu")["student_state_dict"]; safetensors.torch.save_file(state, "weights.safetensors")';

/**
 * What `torch.save` wrote (zip format, PyTorch 1.6 or newer), without running anything: tensors, numbers, texts and containers.
 * @throws UserError naming the file and what it contains that is not allowed, or where it is damaged
 */
export function readTorchFile(bytes: Uint8Array, source: string): PickleValue {
  const files = unzip(bytes, source);
  const pickle = Object.keys(files).find((name) => /^(.*\/)?data\.pkl$/.test(name));
  if (pickle === undefined) throw new UserError(`${source}: no checkpoint of PyTorch: the archive has no data.pkl`);
  const prefix = pickle.slice(0, -"data.pkl".length);
  if (Object.keys(files).some((name) => name.startsWith(`${prefix}code/`)))
    throw new UserError(`${source}: a TorchScript program, not a checkpoint of weights: save its state_dict()`);
  const order = files[`${prefix}byteorder`];
  if (order && new TextDecoder().decode(order).trim() !== "little")
    throw new UserError(`${source}: written on a big-endian machine, which is not supported. ${conversion}`);
  try {
    return readPickle(files[pickle] as Uint8Array, new TorchHooks(files, prefix));
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new UserError(`${source}: not read: ${error.message}. ${conversion}`);
  }
}

function unzip(bytes: Uint8Array, source: string): Unzipped {
  if (bytes[0] === 0x80 && bytes[1] === 0x02)
    throw new UserError(`${source}: in the format from before PyTorch 1.6, which is not read. ${conversion}`);
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b)
    throw new UserError(`${source}: no checkpoint of PyTorch: neither a zip archive nor a pickle`);
  // PyTorch stores without compression: what claims to be larger than the archive is no checkpoint, or worse.
  const filter = ({ name, originalSize }: { name: string; originalSize: number }) => {
    if (originalSize > bytes.length)
      throw new UserError(`${source}: ${name} claims more bytes than the file has: damaged`);
    return true;
  };
  try {
    return unzipSync(bytes, { filter });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${source}: a damaged zip archive (${(error as Error).message}); copy the file again`);
  }
}

class TorchHooks implements PickleHooks {
  private readonly loaded = new Map<string, Storage>();

  constructor(
    private readonly files: Unzipped,
    private readonly prefix: string,
  ) {}

  global(name: string): PickleGlobal {
    if (functions.includes(name) || Object.hasOwn(storages, name)) return new PickleGlobal(name);
    throw new PickleError(`it names "${name}", which is no tensor, number, text or container and may be anything`);
  }

  call(name: string, parameters: readonly PickleValue[]): PickleValue {
    if (name === "collections.OrderedDict") return orderedDict(parameters);
    if (name === "torch._utils._rebuild_tensor_v2") return rebuild(parameters);
    const [tensor] = parameters;
    if (name === "torch._utils._rebuild_parameter" && tensor instanceof TorchTensor) return tensor;
    throw new PickleError(`a call of "${name}" with arguments that PyTorch does not write`);
  }

  /** ("storage", type, key, device, elements) */
  load(id: PickleValue): PickleValue {
    const [kind, type, key, , length] = Array.isArray(id) ? id : [];
    const known = type instanceof PickleGlobal ? storages[type.name] : undefined;
    if (kind !== "storage" || !known || typeof key !== "string" || !isCount(length))
      throw new PickleError("it refers to something that is no storage of numbers");
    const before = this.loaded.get(key);
    if (before) return before;
    const bytes = this.files[`${this.prefix}data/${key}`];
    if (!bytes || bytes.length < length * known.size) throw new PickleError(`storage ${key} is missing or too short`);
    const storage = new Storage(known.dtype, bytes, length);
    this.loaded.set(key, storage);
    return storage;
  }
}

function orderedDict([items = []]: readonly PickleValue[]): PickleValue {
  if (!Array.isArray(items) || items.some((item) => !Array.isArray(item) || item.length !== 2))
    throw new PickleError("an OrderedDict of something else than pairs");
  return new Map(items as [PickleValue, PickleValue][]);
}

/** (storage, offset, size, stride, ...): the tensor's own copy, row-major. */
function rebuild([storage, offset, size, stride]: readonly PickleValue[]): TorchTensor {
  if (
    !(storage instanceof Storage) ||
    !isCount(offset) ||
    !isCounts(size) ||
    !isCounts(stride) ||
    size.length !== stride.length
  )
    throw new PickleError("a tensor with arguments that PyTorch does not write");
  const count = size.reduce((a, b) => a * b, 1);
  const last = offset + size.reduce((sum, n, axis) => sum + Math.max(0, n - 1) * (stride[axis] as number), 0);
  if (count > storage.length || (count > 0 && last >= storage.length))
    throw new PickleError(`a tensor [${size}] that reaches beyond its storage of ${storage.length} numbers`);
  const width = tensorArrays[storage.dtype].BYTES_PER_ELEMENT;
  const rowMajor = isRowMajor(size, stride);
  const [begin, end] = rowMajor ? [offset, offset + count] : [0, storage.length];
  const from = new tensorArrays[storage.dtype](storage.bytes.slice(begin * width, end * width).buffer);
  const data = rowMajor ? from : gather(from, offset, size, stride);
  return new TorchTensor({ dtype: storage.dtype, shape: [...size], data });
}

/** The elements of a tensor in row-major order. */
function gather<T extends TensorData>(from: T, offset: number, size: readonly number[], stride: readonly number[]): T {
  const count = size.reduce((a, b) => a * b, 1);
  const data = new (from.constructor as new (n: number) => T)(count);
  const index = new Array<number>(size.length).fill(0);
  for (let k = 0, at = offset; k < count; k++) {
    data[k] = from[at] as never;
    for (let axis = size.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      at += stride[axis] as number;
      if ((index[axis] as number) < (size[axis] as number)) break;
      at -= (size[axis] as number) * (stride[axis] as number);
      index[axis] = 0;
    }
  }
  return data;
}

function isRowMajor(size: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let axis = size.length - 1; axis >= 0; axis--) {
    if (size[axis] !== 1 && stride[axis] !== expected) return false;
    expected *= size[axis] as number;
  }
  return true;
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.every((item) => isCount(item));
}
