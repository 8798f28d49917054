import { BufferUsage } from "./buffers.js";
import { GpuError } from "./errors.js";
import { type ConstantValues, type Kernel, packParams, specialise } from "./kernel.js";
import type { Tensor } from "./tensor.js";

export interface Pipeline {
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly groups: Map<string, GPUBindGroup>;
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
    let variants = this.byKernel.get(kernel);
    if (!variants) {
      variants = new Map();
      this.byKernel.set(kernel, variants);
    }
    const key = Object.entries(constants).flat().join(",");
    let pipeline = variants.get(key);
    if (!pipeline) {
      pipeline = this.compile(kernel, constants);
      variants.set(key, pipeline);
    }
    return pipeline;
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

  private compile(kernel: Kernel, constants: ConstantValues<string>): Pipeline {
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
    const gpu = this.device.createComputePipeline({
      label,
      layout: this.device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: {
        module: this.device.createShaderModule({ label: kernel.file, code }),
        entryPoint: kernel.entryPoint,
        constants: overrides,
      },
    });
    this.counters.pipelines++;
    return { gpu, layout, groups: new Map() };
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
