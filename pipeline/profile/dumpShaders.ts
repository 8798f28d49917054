import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../engine/errors.js";
import * as kernels from "../../engine/generated/kernels.js";
import { type ConstantValues, specialise } from "../../engine/kernel.js";
import { reason } from "../run/folder.js";

/** A kernel with the constants it was dispatched with. */
export interface Specialised {
  readonly kernel: string;
  readonly constants: ConstantValues<string>;
}

/** What the process that compiles is told, as JSON. */
export interface DumpJob {
  readonly adapter: string | null;
  readonly kernels: readonly Specialised[];
}

/** A file of backend code that was written. */
export interface Dumped extends Specialised {
  readonly file: string;
}

/**
 * Writes what Dawn hands to the driver for each kernel (SPIR-V, MSL or HLSL, with the WGSL above it) to a folder. Dawn prints
 * this to stdout, so the kernels are compiled once more in a process of their own.
 * @throws UserError if the folder cannot be written or Dawn printed nothing
 */
export async function dumpShaders(folder: string, job: DumpJob): Promise<Dumped[]> {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`--dump-shaders ${folder}: cannot be made (${reason(error)}); choose another folder`);
  }
  const printed = await compileElsewhere(job);
  const blocks = parseDump(printed);
  const used = new Map<string, number>();
  return job.kernels.map((one) => {
    const wgsl = codeOf(one);
    const block = blocks.find((candidate) => normal(candidate.wgsl) === normal(wgsl));
    if (!block) {
      throw new UserError(
        `--dump-shaders: Dawn printed no code for ${one.kernel}; this version of Dawn may not know the toggle dump_shaders`,
      );
    }
    const same = used.get(one.kernel) ?? 0;
    used.set(one.kernel, same + 1);
    const file = join(folder, `${one.kernel}${same === 0 ? "" : `-${same + 1}`}.${extension(block.backend)}`);
    const constants = JSON.stringify(one.constants);
    writeFileSync(file, `; ${one.kernel} ${constants}\n${block.backend}\n\n/* the WGSL\n${wgsl}*/\n`);
    return { ...one, file };
  });
}

/** The code of a kernel as it is compiled. */
export function codeOf({ kernel, constants }: Specialised): string {
  const found = Object.values(kernels).find(({ name }) => name === kernel);
  if (!found) throw new UserError(`there is no kernel "${kernel}" in this version`);
  return specialise(found as never, constants).code;
}

/** Dawn's output: for each shader a block of WGSL, then the backend's code in one or more blocks. */
export function parseDump(printed: string): { wgsl: string; backend: string }[] {
  const parts = printed.split(/^\/\/ Dumped WGSL:\s*$/m).slice(1);
  return parts.map((part) => {
    const [wgsl = "", ...backend] = part.split(/^info:\s*$/im);
    return {
      wgsl: wgsl.trim(),
      backend: backend
        .map((text) => text.trim())
        .join("\n\n")
        .trim(),
    };
  });
}

function normal(code: string): string {
  return code.replace(/\s+/g, " ").trim();
}

function extension(backend: string): string {
  const kind = /Dumped (\w+)/.exec(backend)?.[1]?.toLowerCase() ?? "txt";
  return kind === "spirv" ? "spvasm" : kind;
}

/** The built module that compiles: beside this one, or in `dist/node` when this one runs from its TypeScript source. */
function childModule(): string {
  for (const path of ["./dumpChild.js", "../../dist/node/pipeline/profile/dumpChild.js"]) {
    const file = fileURLToPath(new URL(path, import.meta.url));
    if (existsSync(file)) return file;
  }
  throw new UserError(
    `--dump-shaders: dumpChild.js is missing beside ${import.meta.url}; build or install the package again`,
  );
}

function compileElsewhere(job: DumpJob): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [childModule()], { stdio: ["pipe", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(stdout);
      else
        reject(
          new UserError(`--dump-shaders: compiling the kernels failed (code ${code}): ${stderr.trim().slice(-500)}`),
        );
    });
    child.stdin.end(JSON.stringify(job));
  });
}
