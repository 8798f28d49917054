import type { DeviceProvider } from "./device.js";

/** The worker's part of the section Inside. */
export class InsideService {
  constructor(protected readonly devices: DeviceProvider) {}
}
