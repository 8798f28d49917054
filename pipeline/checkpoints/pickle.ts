/**
 * Python's pickle, as far as PyTorch's checkpoints need it, and nothing that could run code: a stack machine over values, in
 * which the only functions are those that the caller gives. Source: the opcode table of Python's `pickletools`.
 */

/** What a pickle consists of here: Python's dict is a Map, its list and tuple are arrays, None is null. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject;

/** Something that a function made: a tensor, a storage. The caller knows which. */
export class PickleObject {}

/** A function or class by its Python name, as the pickle mentions it. */
export class PickleGlobal extends PickleObject {
  constructor(readonly name: string) {
    super();
  }
}

export interface PickleHooks {
  /** A function or class that the pickle mentions. @throws if it is not one of those that may be used */
  global(name: string): PickleGlobal;
  /** `f(*arguments)` */
  call(name: string, parameters: readonly PickleValue[]): PickleValue;
  /** Something outside the pickle, by its persistent id: PyTorch's storages. */
  load(id: PickleValue): PickleValue;
}

/** A pickle that is damaged, or asks for what is not allowed. */
export class PickleError extends Error {
  override readonly name = "PickleError";
}

const mark = Symbol("mark");
type Slot = PickleValue | typeof mark;

/** The value of a pickle. @throws PickleError */
export function readPickle(bytes: Uint8Array, hooks: PickleHooks): PickleValue {
  return new Machine(bytes, hooks).run();
}

class Machine {
  private readonly view: DataView;
  private readonly stack: Slot[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly hooks: PickleHooks,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): PickleValue {
    for (;;) {
      const position = this.at;
      const opcode = this.take(1)[0] as number;
      if (opcode === 0x2e) return this.pop();
      if (!this.constant(opcode) && !this.container(opcode) && !this.reference(opcode)) {
        const name = `0x${opcode.toString(16).padStart(2, "0")}`;
        throw new PickleError(`opcode ${name} at byte ${position} is not one that a checkpoint of tensors needs`);
      }
    }
  }

  /** Numbers, texts, booleans. */
  private constant(opcode: number): boolean {
    switch (opcode) {
      case 0x4e: // NONE
        return this.push(null);
      case 0x88: // NEWTRUE
        return this.push(true);
      case 0x89: // NEWFALSE
        return this.push(false);
      case 0x4a: // BININT
        return this.push(this.view.getInt32(this.skip(4), true));
      case 0x4b: // BININT1
        return this.push(this.byte());
      case 0x4d: // BININT2
        return this.push(this.view.getUint16(this.skip(2), true));
      case 0x8a: // LONG1
        return this.push(longValue(this.take(this.byte())));
      case 0x47: // BINFLOAT
        return this.push(this.view.getFloat64(this.skip(8), false));
      case 0x58: // BINUNICODE
        return this.push(this.text(this.uint32()));
      case 0x8c: // SHORT_BINUNICODE
        return this.push(this.text(this.byte()));
      default:
        return false;
    }
  }

  private container(opcode: number): boolean {
    switch (opcode) {
      case 0x28: // MARK
        this.stack.push(mark);
        return true;
      case 0x7d: // EMPTY_DICT
        return this.push(new Map());
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return this.push([]);
      case 0x74: // TUPLE
        return this.push(this.popMarked());
      case 0x85: // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87:
        return this.push(this.popMany(opcode - 0x84));
      case 0x61: // APPEND
        return this.append([this.pop()]);
      case 0x65: // APPENDS
        return this.append(this.popMarked());
      case 0x73: // SETITEM
        return this.setItems(this.popMany(2));
      case 0x75: // SETITEMS
        return this.setItems(this.popMarked());
      default:
        return false;
    }
  }

  /** Memo, globals, calls, and what frames a pickle. */
  private reference(opcode: number): boolean {
    switch (opcode) {
      case 0x80: // PROTO
        this.skip(1);
        return true;
      case 0x95: // FRAME
        this.skip(8);
        return true;
      case 0x71: // BINPUT
        return this.remember(this.byte());
      case 0x72: // LONG_BINPUT
        return this.remember(this.uint32());
      case 0x94: // MEMOIZE
        return this.remember(this.memo.size);
      case 0x68: // BINGET
        return this.recall(this.byte());
      case 0x6a: // LONG_BINGET
        return this.recall(this.uint32());
      case 0x63: // GLOBAL
        return this.push(this.hooks.global(`${this.line()}.${this.line()}`));
      case 0x93: {
        const [module, name] = this.popMany(2); // STACK_GLOBAL
        return this.push(this.hooks.global(`${String(module)}.${String(name)}`));
      }
      case 0x52: // REDUCE
        return this.reduce();
      case 0x62: // BUILD
        return this.build();
      case 0x51: // BINPERSID
        return this.push(this.hooks.load(this.pop()));
      default:
        return false;
    }
  }

  private reduce(): true {
    const [called, parameters] = this.popMany(2);
    if (!(called instanceof PickleGlobal) || !Array.isArray(parameters))
      throw new PickleError(`byte ${this.at}: a call of something that is no function`);
    return this.push(this.hooks.call(called.name, parameters));
  }

  /** Attributes: only dicts have some (a state dict's `_metadata`), and those say nothing about tensors. */
  private build(): true {
    this.pop();
    if (!(this.stack.at(-1) instanceof Map))
      throw new PickleError(`byte ${this.at}: attributes of something that is no dict`);
    return true;
  }

  private append(values: PickleValue[]): true {
    const list = this.stack.at(-1);
    if (!Array.isArray(list)) throw new PickleError(`byte ${this.at}: items for something that is no list`);
    for (const value of values) list.push(value);
    return true;
  }

  private setItems(values: PickleValue[]): true {
    const dict = this.stack.at(-1);
    if (!(dict instanceof Map) || values.length % 2 !== 0)
      throw new PickleError(`byte ${this.at}: items for something that is no dict`);
    for (let i = 0; i < values.length; i += 2) dict.set(values[i] as PickleValue, values[i + 1] as PickleValue);
    return true;
  }

  private remember(index: number): true {
    const value = this.stack.at(-1);
    if (value === undefined || value === mark) throw new PickleError(`byte ${this.at}: nothing to remember`);
    this.memo.set(index, value);
    return true;
  }

  private recall(index: number): true {
    const value = this.memo.get(index);
    if (value === undefined) throw new PickleError(`byte ${this.at}: nothing was remembered as ${index}`);
    return this.push(value);
  }

  private push(value: PickleValue): true {
    this.stack.push(value);
    return true;
  }

  private pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined || value === mark) throw new PickleError(`byte ${this.at}: the stack is empty`);
    return value;
  }

  private popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  private popMarked(): PickleValue[] {
    const start = this.stack.lastIndexOf(mark);
    if (start < 0) throw new PickleError(`byte ${this.at}: no mark on the stack`);
    const values = this.stack.splice(start).slice(1);
    return values as PickleValue[];
  }

  /** Advances; the position before. */
  private skip(length: number): number {
    const position = this.at;
    if (position + length > this.bytes.length) throw new PickleError(`it ends early, at byte ${this.bytes.length}`);
    this.at += length;
    return position;
  }

  private take(length: number): Uint8Array {
    const position = this.skip(length);
    return this.bytes.subarray(position, position + length);
  }

  private byte(): number {
    return this.view.getUint8(this.skip(1));
  }

  private uint32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  private text(length: number): string {
    return new TextDecoder().decode(this.take(length));
  }

  private line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleError(`it ends early, at byte ${this.bytes.length}`);
    const text = this.text(end - this.at);
    this.skip(1);
    return text;
  }
}

/** Two's complement, little-endian; a plain number where it fits. */
function longValue(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  value = BigInt.asIntN(Math.max(8, bytes.length * 8), value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
