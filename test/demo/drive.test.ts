import { expect, test } from "vitest";
import { DeviceProvider } from "../../demo/web/worker/device.js";
import { drive, type PageRun } from "../../demo/web/worker/train/training.js";
import { type Device, GpuError } from "../../engine/index.js";

/** What a training does about devices that go and do not come back: a run whose store is asked first, and says what happens. */

function fakeDevice() {
  let lose = () => {};
  const lost = new Promise<{ reason: string; message: string }>((resolve) => {
    lose = () => resolve({ reason: "unknown", message: "asleep" });
  });
  const gpu = { lost, destroy: () => lose() };
  const choices = { replace: () => {} };
  return { device: { gpu, choices, info: {}, close: () => {} } as unknown as Device, lose: () => lose() };
}

const noAdapter = new GpuError("no-adapter", "no adapter");

function provider(outcomes: readonly (Device | Error)[]): DeviceProvider {
  let at = 0;
  const open = async () => {
    const outcome = outcomes[at++];
    if (!outcome || outcome instanceof Error) throw outcome ?? noAdapter;
    return outcome;
  };
  return new DeviceProvider(open, undefined, [0]);
}

function run(read: () => Promise<never>): PageRun {
  return { store: { read } } as unknown as PageRun;
}

function options(signal = new AbortController().signal) {
  const told: string[] = [];
  const log = { info: () => {}, warn: () => {}, progress: () => {}, confirm: async () => true };
  return { told, log, signal, onBegin: () => {}, onLost: (error: Error) => void told.push(error.message) };
}

test("it waits for a device that does not come back at once, and goes on with that one", async () => {
  const [one, two] = [fakeDevice(), fakeDevice()];
  const said = options();
  let asked = 0;
  const read = async () => {
    if (++asked > 1) throw new Error("on the second device");
    one.lose();
    throw new GpuError("device-lost", "the first is gone");
  };
  const training = drive(provider([one.device, noAdapter, two.device]), run(read), said);
  await expect(training).rejects.toThrow("on the second device");
  expect(said.told).toEqual(["the first is gone", "no adapter"]);
});

test("while it waits it can be paused", async () => {
  const one = fakeDevice();
  const pause = new AbortController();
  const said = options(pause.signal);
  const read = async () => {
    one.lose();
    throw new GpuError("device-lost", "gone");
  };
  const training = drive(provider([one.device]), run(read), said);
  setTimeout(() => pause.abort(new Error("paused")), 50);
  await expect(training).rejects.toThrow("paused");
  expect(said.told).toEqual(["gone", "no adapter"]);
});

test("without a device to begin with it says why, and other errors end it", async () => {
  const said = options();
  await expect(
    drive(
      provider([]),
      run(async () => Promise.reject(new Error("not asked"))),
      said,
    ),
  ).rejects.toBe(noAdapter);
  const damaged = run(async () => Promise.reject(new Error("damaged")));
  await expect(drive(provider([fakeDevice().device]), damaged, said)).rejects.toThrow("damaged");
  expect(said.told).toEqual([]);
});
