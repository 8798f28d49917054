/** vitest's global set-up: the kernels in `engine/generated/` follow the shaders, also under `npx vitest`. */
import { generateKernels } from "./generate.mjs";

export default function setup() {
  generateKernels();
}
