import type { ProxyMarked } from "comlink";
import type { ClassifyService } from "./classifyService.js";
import type { DeviceService } from "./deviceService.js";
import type { FindService } from "./findService.js";
import type { InsideService } from "./insideService.js";
import type { TrainService } from "./trainService.js";
import type { TuneService } from "./tuneService.js";

/** What the worker exposes; the page imports these as types alone. */
export interface WorkerApi {
  readonly device: DeviceService & ProxyMarked;
  readonly find: FindService & ProxyMarked;
  readonly classify: ClassifyService & ProxyMarked;
  readonly train: TrainService & ProxyMarked;
  readonly inside: InsideService & ProxyMarked;
  readonly tune: TuneService & ProxyMarked;
}
