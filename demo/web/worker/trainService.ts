import type { DeviceProvider } from "./device.js";

/** The worker's part of the section Train. */
export class TrainService {
  constructor(protected readonly devices: DeviceProvider) {}
}
