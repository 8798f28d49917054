import { BufferUsage } from "./buffers.js";
import { GpuError } from "./errors.js";
import { type ConstantValues, type Kernel, packParams, specialise } from "./kernel.js";
import type { Tensor } from "./tensor.js";

export interface Pipeline {
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly groups: Map<string, GPUBindGroup>;
}

/** A kernel with its constants, and params of one of its dispatches. */
export interface PipelineRequest {
  readonly kernel: Kernel;
  readonly constants: ConstantValues<string>;
  readonly params: Readonly<Record<string, number>> | null;
}

const slabBytes = 1 << 16;
const mostGroups = 4096;

/** Compiled kernels, their bind groups and their params blocks, each made once and found again by content. */
export class PipelineCache {
  readonly counters = { pipelines: 0, bindGroups: 0, paramBlocks: 0 };
  private readonly byKernel = new Map<Kernel, Map<string, Pipeline>>();
  private readonly paramBlocks = new Map<string, GPUBufferBinding & { id: number }>();
  private slab: { buffer: GPUBuffer; used: number } | null = null;

  constructor(private readonly device: GPUDevice) {}

  pipeline(kernel: Kernel, constants: ConstantValues<string>): Pipeline {
    const { variants, key } = this.place(kernel, constants);
    let pipeline = variants.get(key);
    if (!pipeline) {
      const { descriptor, layout } = this.describe(kernel, constants);
      pipeline = this.add(variants, key, this.device.createComputePipeline(descriptor), layout);
    }
    return pipeline;
  }

  /** Those of the requests whose pipelines are not there yet, each once. */
  missing(requests: readonly PipelineRequest[]): PipelineRequest[] {
    const found = new Map<string, PipelineRequest>();
    for (const request of requests) {
      const { variants, key } = this.place(request.kernel, request.constants);
      if (!variants.has(key)) found.set(`${request.kernel.file} ${key}`, request);
    }
    return [...found.values()];
  }

  /**
   * Compiles pipelines, `parallel` at a time.
   * @throws GpuError (`shader`) naming the kernel that does not compile
   */
  async prepare(requests: readonly PipelineRequest[], parallel: number, onDone: () => void): Promise<void> {
    const queue = [...requests];
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        await this.compileAsync(next);
        onDone();
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, queue.length) }, work));
  }

  bindGroup(
    pipeline: Pipeline,
    kernel: Kernel,
    bindings: Readonly<Record<string, Tensor>>,
    params: Readonly<Record<string, number>> | null,
  ): GPUBindGroup {
    const block = params && kernel.params ? this.paramBlock(kernel, params) : null;
    let key = `${block?.id ?? ""}`;
    for (const { name, access } of kernel.bindings) {
      if (access === "uniform") continue;
      const tensor = bindings[name];
      if (!tensor) throw new GpuError("internal", `${kernel.name}: no tensor for binding "${name}"`);
      key += `,${tensor.buffer.id}+${tensor.byteOffset}:${tensor.bytes}`;
    }
    let group = pipeline.groups.get(key);
    if (group) return group;
    if (pipeline.groups.size >= mostGroups) pipeline.groups.clear();
    group = this.createGroup(pipeline, kernel, bindings, block);
    pipeline.groups.set(key, group);
    return group;
  }

  private createGroup(
    pipeline: Pipeline,
    kernel: Kernel,
    bindings: Readonly<Record<string, Tensor>>,
    block: GPUBufferBinding | null,
  ): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = kernel.bindings.map(({ name, binding, access }) => {
      if (access === "uniform") {
        if (!block) throw new GpuError("internal", `${kernel.name}: params missing`);
        return { binding, resource: { buffer: block.buffer, offset: block.offset ?? 0, size: block.size ?? 0 } };
      }
      const tensor = bindings[name] as Tensor;
      return {
        binding,
        resource: { buffer: tensor.buffer.gpu, offset: tensor.byteOffset, size: Math.ceil(tensor.bytes / 16) * 16 },
      };
    });
    this.counters.bindGroups++;
    return this.device.createBindGroup({ label: kernel.name, layout: pipeline.layout, entries });
  }

  private async compileAsync({ kernel, constants }: PipelineRequest): Promise<void> {
    const { variants, key } = this.place(kernel, constants);
    const { descriptor, layout } = this.describe(kernel, constants);
    let gpu: GPUComputePipeline;
    try {
      gpu = await this.device.createComputePipelineAsync(descriptor);
    } catch (error) {
      throw new GpuError("shader", `${kernel.file}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!variants.has(key)) this.add(variants, key, gpu, layout);
  }

  private place(kernel: Kernel, constants: ConstantValues<string>): { variants: Map<string, Pipeline>; key: string } {
    let variants = this.byKernel.get(kernel);
    if (!variants) {
      variants = new Map();
      this.byKernel.set(kernel, variants);
    }
    return { variants, key: Object.entries(constants).flat().join(",") };
  }

  private add(
    variants: Map<string, Pipeline>,
    key: string,
    gpu: GPUComputePipeline,
    layout: GPUBindGroupLayout,
  ): Pipeline {
    const pipeline = { gpu, layout, groups: new Map() };
    variants.set(key, pipeline);
    this.counters.pipelines++;
    return pipeline;
  }

  private describe(
    kernel: Kernel,
    constants: ConstantValues<string>,
  ): { descriptor: GPUComputePipelineDescriptor; layout: GPUBindGroupLayout } {
    const { code, overrides } = specialise(kernel, constants);
    const label = `${kernel.name} ${JSON.stringify(constants)}`;
    const layout = this.device.createBindGroupLayout({
      label,
      entries: kernel.bindings.map(({ binding, access }) => ({
        binding,
        visibility: 4,
        buffer: { type: bufferType[access] },
      })),
    });
    const descriptor = {
      label,
      layout: this.device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: {
        module: this.device.createShaderModule({ label: kernel.file, code }),
        entryPoint: kernel.entryPoint,
        constants: overrides,
      },
    };
    return { descriptor, layout };
  }

  /** Params are shapes: immutable, shared by content, packed into slabs at the uniform alignment. */
  private paramBlock(kernel: Kernel, params: Readonly<Record<string, number>>): GPUBufferBinding & { id: number } {
    const bytes = packParams(kernel, params);
    const words = new Uint32Array(bytes);
    const key = words.join(",");
    let block = this.paramBlocks.get(key);
    if (block) return block;
    const align = this.device.limits.minUniformBufferOffsetAlignment;
    if (!this.slab || this.slab.used + bytes.byteLength > slabBytes) {
      const usage = BufferUsage.uniform | BufferUsage.copyDst;
      this.slab = { buffer: this.device.createBuffer({ size: slabBytes, usage, label: "params" }), used: 0 };
    }
    const offset = this.slab.used;
    this.slab.used += Math.ceil(bytes.byteLength / align) * align;
    this.device.queue.writeBuffer(this.slab.buffer, offset, bytes);
    block = { buffer: this.slab.buffer, offset, size: bytes.byteLength, id: this.paramBlocks.size };
    this.paramBlocks.set(key, block);
    this.counters.paramBlocks++;
    return block;
  }
}

const bufferType = { read: "read-only-storage", read_write: "storage", uniform: "uniform" } as const;
