import type { Tuned } from "../../../engine/index.js";
import type { Config } from "../../../pipeline/config/schema.js";
import { chosen, tuneConfig } from "../../../pipeline/tuning/tuneConfig.js";
import type { DeviceProvider } from "./device.js";
import { configOf, type InsideRequest } from "./insideService.js";
import type { TrainChoice } from "./train/choice.js";
import { pageConfig } from "./train/config.js";

/** Whose shapes are timed: those of a training, or of a step of the section Inside. */
export type TuneRequest =
  | { readonly kind: "training"; readonly choice: TrainChoice; readonly classes: number }
  | { readonly kind: "step"; readonly request: InsideRequest };

/** The worker's part of tuning: which kernels are fastest on this GPU, kept in the browser. */
export class TuneService {
  readonly #devices: DeviceProvider;
  #running: AbortController | null = null;

  constructor(devices: DeviceProvider) {
    this.#devices = devices;
  }

  /** How many shapes have been tuned for this GPU. @param onProblem told of choices that cannot be used: a `Comlink.proxy` */
  async kept(onProblem: (text: string) => void): Promise<number> {
    const { kept } = this.#devices;
    return Object.keys(await kept.load(await this.#devices.get(), onProblem)).length;
  }

  /**
   * Times the variants of all operations in a step, as `equipoise tune` does, and keeps the fastest: what is started from now on uses them.
   * What else wants the device waits.
   * @param onProgress told of the shapes that are done, of how many, and of the next one: a `Comlink.proxy`
   * @throws UserError for options that do not fit together, or if the choices will not outlive the page; an AbortError after `cancel()`
   */
  async tune(
    request: TuneRequest,
    onProgress: (done: number, total: number, key: string) => void,
  ): Promise<readonly Tuned[]> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const { config, classes } = stepOf(request);
    return this.#devices.use(async (device) => {
      const { signal } = running;
      const tuned = await device.choices.during({}, () => tuneConfig(device, config, classes, { signal, onProgress }));
      device.pool.trim();
      await this.#devices.kept.add(device, chosen(tuned));
      return tuned;
    });
  }

  cancel(): void {
    this.#running?.abort();
  }

  /** Forgets what was tuned: the defaults are used from now on. Runs keep the choices that they began with. */
  forget(): Promise<void> {
    return this.#devices.kept.forget();
  }
}

function stepOf(request: TuneRequest): { config: Config; classes: number } {
  if (request.kind === "training") return { config: pageConfig(request.choice), classes: request.classes };
  const { config, classes } = configOf(request.request);
  const method = request.request.step === "ipb" ? "meta-pseudo-labels" : "supervised";
  return { config: { ...config, method }, classes };
}
