import { GpuError } from "./errors.js";

export type ScalarType = "u32" | "i32" | "f32" | "bool";

/** One field of a kernel's `struct Params`, as reflected from the WGSL. */
export interface ParamField {
  readonly name: string;
  readonly offset: number;
  readonly type: ScalarType;
}

export interface KernelBinding {
  readonly name: string;
  readonly group: number;
  readonly binding: number;
  readonly access: "read" | "read_write" | "uniform";
}

export interface KernelConstant {
  readonly type: ScalarType;
  readonly value: number | boolean;
  readonly kind: "const" | "override";
}

/**
 * A WGSL file and what `scripts/generate.mjs` reflected from it. `B` are the names of its storage bindings, `P` the object
 * that fills its params block (null: it has none), `C` the names of the constants that may be specialised.
 */
export interface Kernel<B extends string = string, P extends object | null = object | null, C extends string = string> {
  readonly name: string;
  readonly file: string;
  readonly code: string;
  readonly entryPoint: string;
  readonly requiresSubgroups: boolean;
  readonly requiresF16: boolean;
  readonly workgroupSize: readonly (number | string)[];
  readonly bindings: readonly KernelBinding[];
  readonly params: { readonly size: number; readonly fields: readonly ParamField[] } | null;
  readonly constants: Readonly<Record<string, KernelConstant>>;
  /** Never set: carries the type arguments. */
  readonly types?: { bindings: B; params: P; constants: C };
}

export type ConstantValues<C extends string> = Partial<Record<C, number | boolean>>;

/**
 * The WGSL with the given module-scope `const`s replaced by value. Overrides are passed to the pipeline instead.
 * @throws GpuError (`shader`) if the kernel has no constant of that name.
 */
export function specialise(
  kernel: Kernel,
  values: ConstantValues<string>,
): { code: string; overrides: Record<string, number> } {
  let code = kernel.code;
  const overrides: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    const constant = kernel.constants[name];
    if (!constant || value === undefined) {
      const known = Object.keys(kernel.constants).join(", ") || "none";
      throw new GpuError("shader", `${kernel.file}: no constant "${name}" to specialise (it has: ${known})`);
    }
    if (constant.kind === "override") {
      overrides[name] = Number(value);
      continue;
    }
    const declaration = new RegExp(`\\bconst\\s+${name}\\s*(:\\s*\\w+\\s*)?=[^;]*;`);
    if (!declaration.test(code))
      throw new GpuError("shader", `${kernel.file}: cannot find "const ${name} = ...;" in the code`);
    code = code.replace(declaration, `const ${name}: ${constant.type} = ${literal(constant.type, value)};`);
  }
  return { code, overrides };
}

function literal(type: ScalarType, value: number | boolean): string {
  if (type === "bool") return value ? "true" : "false";
  if (type === "f32") return `f32(${Number(value)})`;
  return `${Number(value)}${type === "u32" ? "u" : "i"}`;
}

/** The params block of a kernel as bytes, by the reflected offsets. Throws if a field is missing or not a number. */
export function packParams(kernel: Kernel, values: Readonly<Record<string, number>>): ArrayBuffer {
  const layout = kernel.params;
  if (!layout) throw new GpuError("shader", `${kernel.file}: has no params block`);
  const bytes = new ArrayBuffer(layout.size);
  const view = new DataView(bytes);
  for (const field of layout.fields) {
    const value = values[field.name];
    if (typeof value !== "number" || Number.isNaN(value)) {
      throw new GpuError("shader", `${kernel.file}: params.${field.name} is ${String(value)}, expected a number`);
    }
    if (field.type === "f32") view.setFloat32(field.offset, value, true);
    else if (field.type === "i32") view.setInt32(field.offset, value, true);
    else view.setUint32(field.offset, value, true);
  }
  return bytes;
}
