import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { EngineName } from "../cases.js";
import { projectFolder } from "../project.js";
import type { Launch } from "./process.js";

/** How an engine is started, or why it cannot be and what to do. */
export type Availability = { readonly launch: Launch } | { readonly absent: string };

/** What the search for engines looks at; tests replace it. */
export interface Surroundings {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether a command runs and ends well. */
  readonly runs: (command: string, args: readonly string[]) => boolean;
}

export function realSurroundings(): Surroundings {
  const runs = (command: string, args: readonly string[]) =>
    spawnSync(command, args, { stdio: "ignore", timeout: 60_000 }).status === 0;
  return { folder: projectFolder(), env: process.env, runs };
}

const peers = {
  "tfjs-webgpu": { script: "bench/peers/tfjs.mjs", module: "@tensorflow/tfjs-backend-webgpu" },
  "jax-js": { script: "bench/peers/jax.mjs", module: "@jax-js/jax" },
} as const;

/** @returns how to start `engine` here */
export function findEngine(engine: EngineName, at: Surroundings = realSurroundings()): Availability {
  if (engine === "equipoise") return node(at, "dist/node/bench/equipoise/worker.js", "npm run build");
  if (engine === "tfjs-webgpu" || engine === "jax-js") {
    const { script, module } = peers[engine];
    if (!existsSync(join(at.folder, "bench/node_modules", module)))
      return { absent: `${module} is not installed: run \`npm run bench\` online, or \`npm ci\` in bench/` };
    return node(at, script, "git checkout bench");
  }
  if (engine === "skimage-cpu")
    return python(at, "cv2, numpy, scipy, skimage", "opencv-python-headless numpy scipy scikit-image", [
      join(at.folder, "bench/peers/skimage_cpu.py"),
    ]);
  const layout = engine === "torch-cpu-nhwc" ? ["--channels-last"] : [];
  return python(at, "torch, numpy", "torch numpy", [join(at.folder, "bench/peers/torch_cpu.py"), ...layout]);
}

function node(at: Surroundings, script: string, fix: string): Availability {
  const path = join(at.folder, script);
  if (!existsSync(path)) return { absent: `${script} is missing: ${fix}` };
  return { launch: { command: process.execPath, args: [path], cwd: at.folder } };
}

/** Python is looked for on the path, and in the system's own place. */
function python(at: Surroundings, modules: string, install: string, args: readonly string[]): Availability {
  const chosen = at.env.EQUIPOISE_PYTHON;
  const candidates = chosen ? [chosen] : ["python3", "/usr/bin/python3", "python"];
  const command = candidates.find((name) => at.runs(name, ["-c", `import ${modules}`]));
  if (command) return { launch: { command, args: [...args], cwd: at.folder } };
  return {
    absent: `no Python with ${modules} (tried ${candidates.join(", ")}): pip install ${install}, or name one by EQUIPOISE_PYTHON`,
  };
}
