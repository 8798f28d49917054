/** Dispatches and copies recorded into one command buffer, in order, submitted when it is long enough or asked for. */
export class Commands {
  /** Totals since the start: dispatches recorded and command buffers submitted. */
  dispatches = 0;
  submits = 0;
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private pending = 0;

  /** @param maxPending dispatches after which a command buffer is submitted by itself: it bounds the time of one submission. */
  constructor(
    private readonly device: GPUDevice,
    private readonly maxPending: number,
  ) {}

  /** @param timing the dispatch gets a pass of its own with these timestamp writes. */
  dispatch(
    pipeline: GPUComputePipeline,
    group: GPUBindGroup,
    grid: readonly [number, number, number],
    timing?: GPUComputePassTimestampWrites,
  ): void {
    this.encoder ??= this.device.createCommandEncoder();
    if (timing) this.endPass();
    this.pass ??= this.encoder.beginComputePass(timing ? { timestampWrites: timing } : undefined);
    this.pass.setPipeline(pipeline);
    this.pass.setBindGroup(0, group);
    this.pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
    if (timing) this.endPass();
    this.dispatches++;
    if (++this.pending >= this.maxPending) this.flush();
  }

  copy(source: GPUBuffer, sourceOffset: number, target: GPUBuffer, targetOffset: number, bytes: number): void {
    this.encoder ??= this.device.createCommandEncoder();
    this.endPass();
    this.encoder.copyBufferToBuffer(source, sourceOffset, target, targetOffset, bytes);
    this.pending++;
  }

  clear(buffer: GPUBuffer, offset: number, bytes: number): void {
    this.encoder ??= this.device.createCommandEncoder();
    this.endPass();
    this.encoder.clearBuffer(buffer, offset, bytes);
    this.pending++;
  }

  flush(): void {
    if (!this.encoder) return;
    this.endPass();
    this.device.queue.submit([this.encoder.finish()]);
    this.encoder = null;
    this.pending = 0;
    this.submits++;
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = null;
  }
}
