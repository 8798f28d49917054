/** WebGPU in Node as browsers have it, for libraries that were written for them. */
import { setPriority, tmpdir } from "node:os";
import { create, globals } from "webgpu";

/** Equipoise lowers its main thread's priority on adapters that compute on the CPU; the others get the same favour. */
const lowPriority = 10;
const software = /llvmpipe|lavapipe|swiftshader|software|basic render/i;

/**
 * Sets `navigator.gpu`, `self` and the `GPU...` globals.
 * @param {string | null} adapter part of the name of the adapter to take
 * @returns {{ taken: () => { adapter: string, driver: string } }} the adapter that the library took
 */
export function installWebGpu(adapter) {
  if (process.platform === "linux") process.env.XDG_RUNTIME_DIR ??= tmpdir();
  const gpu = create(adapter ? [`adapter=${adapter}`] : []);
  Object.assign(globalThis, globals, { self: globalThis });
  const navigator = { gpu: wrap(gpu), userAgent: `Node.js/${process.versions.node}`, hardwareConcurrency: 2 };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
  return { taken: () => taken };
}

let taken = { adapter: "", driver: "" };

/**
 * tfjs 4.22 asks for a feature list inside a feature list, which Dawn refuses and Chrome accepts.
 * @param {GPU} gpu
 */
function wrap(gpu) {
  return {
    /** @param {GPURequestAdapterOptions} [options] */
    async requestAdapter(options) {
      const adapter = await gpu.requestAdapter(options);
      if (!adapter) return null;
      const request = adapter.requestDevice.bind(adapter);
      adapter.requestDevice = async (descriptor = {}) => {
        const requiredFeatures = [...(descriptor.requiredFeatures ?? [])].flat();
        const device = await request({ ...descriptor, requiredFeatures });
        taken = adapterText(adapter);
        if (software.test(`${taken.adapter} ${taken.driver}`) && process.platform === "linux") lowerPriority();
        return device;
      };
      return adapter;
    },
    getPreferredCanvasFormat: () => gpu.getPreferredCanvasFormat(),
    wgslLanguageFeatures: gpu.wgslLanguageFeatures,
  };
}

/** @param {GPUAdapter} adapter */
function adapterText({ info }) {
  const adapter = info.device || info.description || `${info.vendor} ${info.architecture}`.trim();
  return { adapter, driver: info.description };
}

function lowerPriority() {
  try {
    setPriority(process.pid, lowPriority);
  } catch {
    // Not permitted: slower, but right.
  }
}
