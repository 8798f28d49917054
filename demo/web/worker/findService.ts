import type { DeviceProvider } from "./device.js";

/** The worker's part of the section Find. */
export class FindService {
  constructor(protected readonly devices: DeviceProvider) {}
}
