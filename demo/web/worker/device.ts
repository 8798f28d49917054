import { type AdapterInfo, type Device, GpuError, openDevice } from "../../../engine/index.js";
import { KeptChoices } from "./keptChoices.js";

/** How the GPU is doing, for the page. */
export type DeviceStatus =
  | { readonly state: "opening" }
  | { readonly state: "ready"; readonly adapter: AdapterInfo; readonly losses: number }
  /** The device was lost and a new one is being opened. */
  | { readonly state: "lost"; readonly reason: string; readonly losses: number }
  /** There is no device, and none is being tried. */
  | {
      readonly state: "unavailable";
      readonly cause: "no-api" | "no-adapter" | "failed";
      readonly reason: string;
      readonly losses: number;
    };

/** What hears of the device: `lost` as soon as it is gone with all its tensors, `restored` when a new one is open. */
export interface DeviceListener {
  lost?(reason: string): void;
  restored?(device: Device): void;
}

/** Waits before the attempts to open a device after a loss, ms: drivers need a moment to come back. */
const retryMs = [0, 300, 1000, 3000, 8000];

/** Opens a device: the engine's own way, or another in tests. */
type Open = () => Promise<Device>;

/**
 * The one device that all services of the worker share. Lost devices are replaced: listeners hear of it, networks and tensors
 * are theirs to make again. Work goes through `use`, one at a time, so that a training step and a detection do not mix.
 */
export class DeviceProvider {
  private opening: Promise<Device> | null = null;
  private queue: Promise<unknown> = Promise.resolve();
  /** The tuner's choices for the device. */
  readonly kept = new KeptChoices();
  private readonly listeners = new Set<DeviceListener>();
  private losses = 0;
  private current: DeviceStatus = { state: "opening" };

  constructor(
    private readonly open: Open = () => openDevice(),
    private readonly report: (status: DeviceStatus) => void = () => {},
    private readonly waits: readonly number[] = retryMs,
  ) {}

  get status(): DeviceStatus {
    return this.current;
  }

  /** The device; it is opened when there is none. @throws GpuError (`no-adapter`) */
  get(): Promise<Device> {
    if (this.opening) return this.opening;
    const opening = this.openNow();
    this.opening = opening;
    opening.catch(() => {
      if (this.opening === opening) this.opening = null;
    });
    return opening;
  }

  /**
   * Runs work that uses the device when all work before it is done. Long work (training) takes it anew every few steps.
   * @throws what the work throws; a GpuError (`device-lost`) when the device goes in between
   */
  use<T>(work: (device: Device) => Promise<T> | T): Promise<T> {
    const turn = this.queue.then(async () => {
      const device = await this.get();
      try {
        return await work(device);
      } catch (error) {
        this.afterFailure(device, error);
        throw error;
      }
    });
    this.queue = turn.catch(() => {});
    return turn;
  }

  /** As `use`, with the kernels that were tuned for this device; those of a training that is under way stay its own. */
  useTuned<T>(work: (device: Device) => Promise<T>): Promise<T> {
    return this.use(async (device) => device.choices.during(await this.kept.load(device), () => work(device)));
  }

  /**
   * Waits until there is a device, asking for one now and then: the computer may sleep, or the browser keep the GPU from a page that nobody
   * looks at. When somebody else asks with success it is over, too.
   * @throws the signal's reason
   */
  async again(signal: AbortSignal, everyMs = 30_000): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.get();
        return;
      } catch {
        await this.restoredOr(signal, everyMs);
      }
    }
  }

  /** @returns stops it */
  listen(listener: DeviceListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Destroys the device as a driver's reset would: to see that everything comes back. */
  async lose(): Promise<void> {
    (await this.get()).gpu.destroy();
  }

  /** Waits for a new device, for the end of a time, or for the signal. */
  private async restoredOr(signal: AbortSignal, ms: number): Promise<void> {
    const ends: (() => void)[] = [];
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const stop = () => resolve();
      signal.addEventListener("abort", stop);
      ends.push(
        () => clearTimeout(timer),
        () => signal.removeEventListener("abort", stop),
        this.listen({ restored: stop }),
      );
    });
    for (const end of ends) end();
  }

  private async openNow(): Promise<Device> {
    try {
      return this.opened(await this.open());
    } catch (error) {
      this.say(unavailable(error, this.losses));
      throw error;
    }
  }

  private opened(device: Device): Device {
    this.say({ state: "ready", adapter: device.info, losses: this.losses });
    device.gpu.lost.then(({ reason, message }) => this.onLost(device, message || reason || "unknown reason"));
    if (this.losses > 0) for (const listener of this.listeners) listener.restored?.(device);
    return device;
  }

  /** A device that ran out of memory or met an invalid command refuses all later work: it is given up. */
  private afterFailure(device: Device, error: unknown): void {
    if (!(error instanceof GpuError)) return;
    if (error.kind === "out-of-memory" || error.kind === "validation") device.gpu.destroy();
  }

  private onLost(device: Device, reason: string): void {
    this.losses++;
    this.opening = this.reopen(device, reason);
    this.opening.catch(() => {
      this.opening = null;
    });
  }

  private async reopen(old: Device, reason: string): Promise<Device> {
    this.say({ state: "lost", reason, losses: this.losses });
    for (const listener of this.listeners) listener.lost?.(reason);
    old.close();
    let failure: unknown = null;
    for (const wait of this.waits) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        return this.opened(await this.open());
      } catch (error) {
        failure = error;
      }
    }
    this.say(unavailable(failure, this.losses));
    throw failure;
  }

  private say(status: DeviceStatus): void {
    this.current = status;
    this.report(status);
  }
}

function unavailable(error: unknown, losses: number): DeviceStatus {
  const reason = error instanceof Error ? error.message : String(error);
  const hasApi = typeof navigator !== "undefined" && navigator.gpu !== undefined;
  const noAdapter = error instanceof GpuError && error.kind === "no-adapter";
  return { state: "unavailable", cause: !hasApi ? "no-api" : noAdapter ? "no-adapter" : "failed", reason, losses };
}
