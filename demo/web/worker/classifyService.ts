import type { DeviceProvider } from "./device.js";

/** The worker's part of the section Classify. */
export class ClassifyService {
  constructor(protected readonly devices: DeviceProvider) {}
}
