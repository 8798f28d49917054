import type { Device } from "../../../../engine/index.js";
import type { DeviceProvider } from "../device.js";

/** The shared device, step by step: other sections of the page get it between two steps of a training. */
export class Turns {
  private end: { give(): void; fail(error: unknown): void } | null = null;

  constructor(private readonly devices: DeviceProvider) {}

  /** Waits for the device. @throws GpuError when there is none */
  take(): Promise<Device> {
    return new Promise((resolve, reject) => {
      const hold = (device: Device) => {
        resolve(device);
        return new Promise<void>((give, fail) => {
          this.end = { give, fail };
        });
      };
      this.devices.use(hold).catch(reject);
    });
  }

  /** Lets others have the device, then takes it again. */
  async pass(): Promise<void> {
    this.give();
    await this.take();
  }

  give(): void {
    this.end?.give();
    this.end = null;
  }

  /** Ends the turn with what went wrong: the provider gives up a device that refuses all later work. */
  fail(error: unknown): void {
    this.end?.fail(error);
    this.end = null;
  }
}
