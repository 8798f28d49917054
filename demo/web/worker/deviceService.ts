import { DeviceProvider, type DeviceStatus } from "./device.js";

/** The page's view of the device: opens it, hears how it is. */
export class DeviceService {
  readonly #provider: DeviceProvider;
  readonly #reports = new Set<(status: DeviceStatus) => void>();

  constructor() {
    this.#provider = new DeviceProvider(undefined, (status) => {
      for (const report of this.#reports) report(status);
    });
  }

  /** For the worker's other services. */
  get provider(): DeviceProvider {
    return this.#provider;
  }

  /** Opens the device; what comes of it is told to those who watch. */
  async open(): Promise<void> {
    await this.#provider.get().catch(() => {});
  }

  /** @param report told the status now and whenever it changes: a `Comlink.proxy` */
  watch(report: (status: DeviceStatus) => void): void {
    this.#reports.add(report);
    report(this.#provider.status);
  }

  /** Destroys the device as a driver's reset would. */
  lose(): Promise<void> {
    return this.#provider.lose();
  }
}
