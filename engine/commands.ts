import { BufferUsage } from "./buffers.js";
import type { Dispatch, DispatchObserver } from "./device.js";

/** One recorded command, so that it can be encoded again. */
export type Command =
  | {
      readonly kind: "dispatch";
      readonly pipeline: GPUComputePipeline;
      readonly group: GPUBindGroup;
      readonly dispatch: Dispatch;
    }
  | {
      readonly kind: "copy";
      readonly source: GPUBuffer;
      readonly sourceOffset: number;
      readonly target: GPUBuffer;
      readonly targetOffset: number;
      readonly bytes: number;
    }
  | { readonly kind: "clear"; readonly buffer: GPUBuffer; readonly offset: number; readonly bytes: number };

/** Writes up to this size travel with the commands, bytes. */
const smallWrite = 1 << 14;
const stagingBytes = 1 << 16;

/**
 * Dispatches and copies recorded into one command buffer, in order, submitted when it is long enough or asked for.
 * Small writes are gathered: their values go to the GPU in one piece with the submission, and are copied to their places
 * between the commands before and after, so that a step's host values cost one write and no submission of their own.
 */
export class Commands {
  /** Totals since the start: dispatches recorded and command buffers submitted. */
  dispatches = 0;
  submits = 0;
  /** Host time spent in encoding and submitting, ms. */
  readonly hostMs = { encode: 0, submit: 0 };
  /** Takes down every command while it is set. */
  tape: Command[] | null = null;
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private pending = 0;
  /** Buffers of the recorded copies, and whether there are dispatches, whose buffers nobody lists. */
  private readonly touched = new Set<GPUBuffer>();
  private hasDispatch = false;
  private readonly values = new Uint8Array(stagingBytes);
  private used = 0;
  private staging: GPUBuffer | null = null;

  /** @param maxPending dispatches after which a command buffer is submitted by itself: it bounds the time of one submission. */
  constructor(
    private readonly device: GPUDevice,
    private readonly maxPending: number,
  ) {}

  dispatch(
    pipeline: GPUComputePipeline,
    group: GPUBindGroup,
    dispatch: Dispatch,
    observer: DispatchObserver | null,
  ): void {
    const command: Command = { kind: "dispatch", pipeline, group, dispatch };
    this.tape?.push(command);
    const begin = performance.now();
    this.encode(command, observer);
    this.hostMs.encode += performance.now() - begin;
    if (this.pending >= this.maxPending) this.flush();
  }

  copy(source: GPUBuffer, sourceOffset: number, target: GPUBuffer, targetOffset: number, bytes: number): void {
    this.add({ kind: "copy", source, sourceOffset, target, targetOffset, bytes });
  }

  clear(buffer: GPUBuffer, offset: number, bytes: number): void {
    this.add({ kind: "clear", buffer, offset, bytes });
  }

  /** Commands before see the old content, commands after the new one. @param bytes a multiple of 4 of them */
  write(target: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    const length = bytes.byteLength;
    if (length > smallWrite) {
      if (this.hasDispatch || this.touched.has(target)) this.flush();
      this.device.queue.writeBuffer(target, offset, bytes);
      return;
    }
    if (this.used + length > stagingBytes) this.flush();
    const usage = BufferUsage.copySrc | BufferUsage.copyDst;
    this.staging ??= this.device.createBuffer({ size: stagingBytes, usage, label: "values of a step" });
    this.values.set(bytes, this.used);
    this.copy(this.staging, this.used, target, offset, length);
    this.used += length;
  }

  /**
   * Encodes recorded commands again and submits them.
   * @param most commands of a submission
   */
  replay(commands: readonly Command[], most: number, observer: DispatchObserver | null): void {
    const begin = performance.now();
    const submitted = this.hostMs.submit;
    let left = most;
    for (const command of commands) {
      this.encode(command, observer);
      if (--left > 0) continue;
      this.flush();
      left = most;
    }
    this.flush();
    this.hostMs.encode += performance.now() - begin - (this.hostMs.submit - submitted);
  }

  flush(): void {
    if (!this.encoder) return;
    const begin = performance.now();
    this.endPass();
    if (this.used > 0 && this.staging) this.device.queue.writeBuffer(this.staging, 0, this.values, 0, this.used);
    this.device.queue.submit([this.encoder.finish()]);
    this.encoder = null;
    this.pending = 0;
    this.used = 0;
    this.touched.clear();
    this.hasDispatch = false;
    this.submits++;
    this.hostMs.submit += performance.now() - begin;
  }

  private add(command: Command): void {
    this.tape?.push(command);
    this.encode(command, null);
  }

  private encode(command: Command, observer: DispatchObserver | null): void {
    this.encoder ??= this.device.createCommandEncoder();
    this.pending++;
    if (command.kind === "dispatch") {
      this.encodeDispatch(this.encoder, command, observer?.dispatch(command.dispatch));
      return;
    }
    this.endPass();
    if (command.kind === "copy") {
      const { source, sourceOffset, target, targetOffset, bytes } = command;
      this.encoder.copyBufferToBuffer(source, sourceOffset, target, targetOffset, bytes);
      this.touched.add(source).add(target);
    } else {
      this.encoder.clearBuffer(command.buffer, command.offset, command.bytes);
      this.touched.add(command.buffer);
    }
  }

  /** @param timing the dispatch gets a pass of its own with these timestamp writes. */
  private encodeDispatch(
    encoder: GPUCommandEncoder,
    { pipeline, group, dispatch }: Command & { kind: "dispatch" },
    timing: GPUComputePassTimestampWrites | undefined,
  ): void {
    if (timing) this.endPass();
    this.pass ??= encoder.beginComputePass(timing ? { timestampWrites: timing } : undefined);
    this.pass.setPipeline(pipeline);
    this.pass.setBindGroup(0, group);
    const [x, y, z] = dispatch.grid;
    this.pass.dispatchWorkgroups(x, y, z);
    if (timing) this.endPass();
    this.hasDispatch = true;
    this.dispatches++;
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = null;
  }
}
