/**
 * Reads one WGSL file and says what the engine must know about it: bindings, parameter layout, constants, workgroup size.
 *
 * The source is parsed by `wgsl_reflect`, never by hand; only whether a constant's initialiser is a plain literal is read
 * from its text, since the parser folds expressions such as `2 * 3` and those cannot be specialised.
 */
import { WgslParser, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";

/**
 * @typedef {"u32" | "i32" | "f32"} ScalarType
 * @typedef {{ name: string, group: number, binding: number, access: "read" | "read_write" | "uniform" }} Binding
 * @typedef {{ size: number, fields: { name: string, offset: number, type: ScalarType }[] }} ParamsLayout
 * @typedef {{ type: ScalarType | "bool", value: number | boolean, kind: "const" | "override" }} Constant
 * @typedef {object} KernelInfo
 * @property {string} name file name without `.wgsl`
 * @property {string} file posix path relative to the project
 * @property {string} code the source without comments and indentation; line numbers are those of the file
 * @property {string} entryPoint
 * @property {boolean} requiresSubgroups
 * @property {boolean} requiresF16
 * @property {[number | string, number | string, number | string]} workgroupSize a name refers to a constant
 * @property {Binding[]} bindings by binding number, `params` included
 * @property {ParamsLayout | null} params bytes, size a multiple of 16
 * @property {Record<string, Constant>} constants
 */

/** A shader file that breaks the kernel rules; the message starts with `file:line:` or `file:`. */
export class ShaderError extends Error {
  /** @override */
  name = "ShaderError";
}

const LITERAL = /=\s*(-?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?))([uif]?)\s*;?\s*$/;
const BOOL_LITERAL = /=\s*(true|false)\s*;?\s*$/;

/**
 * Reflects one shader.
 * @param {string} code the whole WGSL file
 * @param {string} file posix path for messages; its base name is the kernel's name
 * @returns {KernelInfo}
 */
export function reflectShader(code, file) {
  const name = file.replace(/^.*\//, "").replace(/\.wgsl$/, "");
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)) {
    throw new ShaderError(`${file}: the file name must be snake_case, as conv2d_forward.wgsl`);
  }
  const stripped = stripSource(code, file);
  const { reflect, ast } = parse(stripped, file);
  const entry = onlyEntryPoint(reflect, file);
  const constants = readConstants(ast, stripped, file);
  const enabled = new Set([...stripped.matchAll(/^\s*enable\s+([^;]+);/gm)].flatMap((m) => words(m[1] ?? "")));
  return {
    name,
    file,
    code: stripped,
    entryPoint: entry.name,
    requiresSubgroups: enabled.has("subgroups"),
    requiresF16: enabled.has("f16"),
    workgroupSize: readWorkgroupSize(entry, constants, file),
    bindings: readBindings(reflect, file),
    params: readParams(reflect, file),
    constants,
  };
}

/**
 * Removes comments, indentation and trailing blanks, and keeps every line break, so that a compiler message about the
 * stripped code has the line number of the file. WGSL has no string literals and its block comments nest.
 * @param {string} code
 * @param {string} [file]
 * @returns {string}
 */
export function stripSource(code, file = "shader") {
  let out = "";
  let depth = 0;
  for (let i = 0; i < code.length; i++) {
    const two = code.slice(i, i + 2);
    if (two === "/*") {
      if (depth++ === 0) out += " ";
      i++;
    } else if (depth > 0 && two === "*/") {
      depth--;
      i++;
    } else if (depth === 0 && two === "//") {
      const end = code.indexOf("\n", i);
      i = (end < 0 ? code.length : end) - 1;
    } else if (depth === 0 || code[i] === "\n") {
      out += code[i];
    }
  }
  if (depth > 0) throw new ShaderError(`${file}: a block comment is not closed`);
  return `${out
    .split("\n")
    .map((line) => line.trim())
    .join("\n")
    .trimEnd()}\n`;
}

/** @param {string} list */
function words(list) {
  return list.split(",").map((word) => word.trim());
}

/**
 * @param {string} code
 * @param {string} file
 */
function parse(code, file) {
  try {
    return { reflect: new WgslReflect(code), ast: new WgslParser().parse(code) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const line = /Line:\s*(\d+)/i.exec(message)?.[1];
    const what = message.replace(/\.*\s*Line:.*$/is, "");
    throw new ShaderError(`${file}${line ? `:${line}` : ""}: WGSL syntax error: ${what}`, { cause: error });
  }
}

/**
 * @param {WgslReflect} reflect
 * @param {string} file
 */
function onlyEntryPoint(reflect, file) {
  const { compute, vertex, fragment } = reflect.entry;
  const entry = compute[0];
  if (!entry || compute.length > 1 || vertex.length + fragment.length > 0) {
    const found = [...compute, ...vertex, ...fragment].map((f) => f.name).join(", ") || "none";
    throw new ShaderError(`${file}: a kernel file has exactly one @compute entry point, found ${found}`);
  }
  return entry;
}

/**
 * @param {WgslReflect} reflect
 * @param {string} file
 * @returns {Binding[]}
 */
function readBindings(reflect, file) {
  const other = [...reflect.textures, ...reflect.samplers, ...reflect.immediates][0];
  if (other)
    throw new ShaderError(`${file}: ${other.name}: only storage buffers and the uniform \`params\` are supported`);
  const all = [...reflect.storage, ...reflect.uniforms].sort((a, b) => a.binding - b.binding);
  const seen = new Map();
  return all.map(({ name, group, binding, access, resourceType }) => {
    if (group !== 0) throw new ShaderError(`${file}: ${name} is in @group(${group}); kernels use @group(0) only`);
    if (seen.has(binding))
      throw new ShaderError(`${file}: ${name} and ${seen.get(binding)} share @binding(${binding})`);
    seen.set(binding, name);
    const isUniform = resourceType === 0;
    if (isUniform && name !== "params") {
      throw new ShaderError(`${file}: the uniform ${name} must be called \`params\`; other inputs are storage buffers`);
    }
    if (!isUniform && access !== "" && access !== "read" && access !== "read_write") {
      throw new ShaderError(`${file}: ${name} has access "${access}"; use read or read_write`);
    }
    return { name, group, binding, access: isUniform ? "uniform" : access === "read_write" ? "read_write" : "read" };
  });
}

/**
 * @param {WgslReflect} reflect
 * @param {string} file
 * @returns {ParamsLayout | null}
 */
function readParams(reflect, file) {
  const params = reflect.uniforms[0];
  if (!params) return null;
  if (!params.members) throw new ShaderError(`${file}: the type of \`params\` must be a struct`);
  const fields = params.members.map(({ name, offset, type }) => {
    if (type.name !== "u32" && type.name !== "i32" && type.name !== "f32") {
      throw new ShaderError(`${file}: params.${name} is ${type.getTypeName()}; use u32, i32 or f32`);
    }
    return { name, offset, type: /** @type {ScalarType} */ (type.name) };
  });
  return { size: Math.ceil(params.size / 16) * 16, fields };
}

/**
 * Overrides, and module-scope constants whose initialiser is a literal. Other constants are derived: they follow
 * from these when the compiler evaluates them, and are left out.
 * @param {ReturnType<WgslParser["parse"]>} ast
 * @param {string} code
 * @param {string} file
 */
function readConstants(ast, code, file) {
  /** @type {Record<string, Constant>} */
  const constants = {};
  for (const node of ast) {
    const kind = node.astNodeType;
    if (kind !== "const" && kind !== "override") continue;
    const { name, type, start, end, line } = /** @type {import("wgsl_reflect").Const} */ (node);
    const text = code.slice(start, end);
    const bool = BOOL_LITERAL.exec(text);
    const number = LITERAL.exec(text);
    if (bool) constants[name] = { type: "bool", value: bool[1] === "true", kind };
    else if (number) {
      const [, literal = "", suffix = ""] = number;
      const declared = text.includes(":") ? type?.name : undefined;
      const scalar = scalarType(declared, suffix, literal);
      if (!scalar) {
        throw new ShaderError(`${file}:${line}: ${kind} ${name} needs a type to be specialised: ${name}: u32 or i32`);
      }
      constants[name] = { type: scalar, value: Number(literal), kind };
    } else if (kind === "override") {
      throw new ShaderError(`${file}:${line}: override ${name} needs a literal default value`);
    }
  }
  return constants;
}

/**
 * The declared type, else that of the literal; null for an abstract integer, which may be used as u32 or i32.
 * @param {string | undefined} declared
 * @param {string} suffix
 * @param {string} literal
 * @returns {ScalarType | null}
 */
function scalarType(declared, suffix, literal) {
  if (suffix === "u") return "u32";
  if (suffix === "f") return "f32";
  if (suffix === "i") return "i32";
  if (declared === "u32" || declared === "i32" || declared === "f32") return declared;
  return /[.eE]/.test(literal) && !/^-?0x/i.test(literal) ? "f32" : null;
}

/**
 * @param {WgslReflect["entry"]["compute"][number]} entry
 * @param {Record<string, Constant>} constants
 * @param {string} file
 * @returns {KernelInfo["workgroupSize"]}
 */
function readWorkgroupSize(entry, constants, file) {
  const attribute = entry.attributes?.find((a) => a.name === "workgroup_size");
  const values = attribute ? [attribute.value].flat().map(String) : [];
  const size = values.map((text) => {
    if (/^\d+[ui]?$/.test(text)) return Number.parseInt(text, 10);
    if (constants[text]) return text;
    throw new ShaderError(
      `${file}: @workgroup_size(${text}): use a number, or a const or override with a literal value`,
    );
  });
  const [x, y = 1, z = 1] = size;
  if (x === undefined) throw new ShaderError(`${file}: ${entry.name} has no @workgroup_size`);
  return [x, y, z];
}
