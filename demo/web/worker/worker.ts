import { expose, proxy, transferHandlers } from "comlink";
import type { WorkerApi } from "./api.js";
import { ClassifyService } from "./classifyService.js";
import { DeviceService } from "./deviceService.js";
import { FindService } from "./findService.js";
import { InsideService } from "./insideService.js";
import { TrainService } from "./trainService.js";
import { TuneService } from "./tuneService.js";

/** The worker in which the engine runs, so that the page stays responsive: one device, and a service for each section. */

keepKinds();
const device = new DeviceService();
const { provider } = device;
const api: WorkerApi = {
  device: proxy(device),
  find: proxy(new FindService(provider)),
  classify: proxy(new ClassifyService(provider)),
  train: proxy(new TrainService(provider)),
  inside: proxy(new InsideService(provider)),
  tune: proxy(new TuneService(provider)),
};
expose(api);

/** Errors cross to the page with their `kind` (see GpuError) too; comlink alone sends name, message and stack. */
function keepKinds(): void {
  const handler = transferHandlers.get("throw");
  if (!handler) return;
  transferHandlers.set("throw", {
    ...handler,
    serialize: (thrown: { value: unknown }) => {
      const [sent, transferables] = handler.serialize(thrown) as [{ value: object }, Transferable[]];
      const { value } = thrown;
      if (value instanceof Error && "kind" in value) Object.assign(sent.value, { kind: value.kind });
      return [sent, transferables];
    },
  });
}
