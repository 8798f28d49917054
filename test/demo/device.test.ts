import { expect, test } from "vitest";
import { DeviceProvider, type DeviceStatus } from "../../demo/web/worker/device.js";
import { type Device, GpuError } from "../../engine/index.js";

/** A device that can be lost, and nothing else. */
function fakeDevice(name: string) {
  let lose: (info: { reason: string; message: string }) => void = () => {};
  const lost = new Promise<{ reason: string; message: string }>((resolve) => {
    lose = resolve;
  });
  const gpu = { lost, destroy: () => lose({ reason: "destroyed", message: "" }) };
  const state = { closed: false };
  const device = { gpu, info: { description: name }, close: () => (state.closed = true) } as unknown as Device;
  return { device, state, lose: (message: string) => lose({ reason: "unknown", message }) };
}

function setUp(outcomes: readonly (ReturnType<typeof fakeDevice> | Error)[], waits = [0, 0, 0]) {
  const statuses: DeviceStatus[] = [];
  let at = 0;
  const open = async () => {
    const outcome = outcomes[at++];
    if (!outcome || outcome instanceof Error) throw outcome ?? new Error("asked too often");
    return outcome.device;
  };
  const provider = new DeviceProvider(open, (status) => statuses.push(status), waits);
  return { provider, statuses, opened: () => at };
}

const noAdapter = new GpuError("no-adapter", "no adapter");

test("all share one device, and work is done one after the other", async () => {
  const one = fakeDevice("one");
  const { provider, opened } = setUp([one]);
  const order: string[] = [];
  const work = (name: string, ms: number) => async (device: Device) => {
    order.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, ms));
    order.push(`${name} ends`);
    return device;
  };
  const all = await Promise.all([provider.use(work("a", 15)), provider.use(work("b", 0)), provider.get()]);
  expect(all).toEqual([one.device, one.device, one.device]);
  expect(order).toEqual(["a begins", "a ends", "b begins", "b ends"]);
  expect(opened()).toBe(1);
});

test("a lost device is replaced after some attempts; listeners hear of it, and later work gets the new one", async () => {
  const [one, two] = [fakeDevice("one"), fakeDevice("two")];
  const { provider, statuses } = setUp([one, noAdapter, noAdapter, two]);
  const heard: string[] = [];
  const stop = provider.listen({
    lost: (reason) => heard.push(`lost: ${reason}`),
    restored: (device) => heard.push(`restored: ${device.info.description}`),
  });
  await provider.get();
  one.lose("the driver was reset");
  await one.device.gpu.lost;
  expect(await provider.use((device) => device)).toBe(two.device);
  expect(heard).toEqual(["lost: the driver was reset", "restored: two"]);
  expect(one.state.closed).toBe(true);
  expect(statuses.map(({ state }) => state)).toEqual(["ready", "lost", "ready"]);
  expect(statuses.at(-1)).toMatchObject({ losses: 1 });
  stop();
  two.lose("again");
  await expect(provider.use((device) => device)).rejects.toThrow("asked too often");
  expect(statuses.at(-1)).toMatchObject({ state: "unavailable", losses: 2 });
  expect(heard).toHaveLength(2);
});

test("a device that comes back only when it is asked for is told to listeners too", async () => {
  const [one, two] = [fakeDevice("one"), fakeDevice("two")];
  const { provider } = setUp([one, noAdapter, two], [0]);
  const restored: string[] = [];
  provider.listen({ restored: (device) => restored.push(device.info.description) });
  await provider.get();
  one.lose("gone");
  await one.device.gpu.lost;
  await expect(provider.use((device) => device)).rejects.toThrow("no adapter");
  expect(await provider.use((device) => device)).toBe(two.device);
  expect(restored).toEqual(["two"]);
});

test("who waits for a device asks again and again, is told when another asked, and can be stopped", async () => {
  const [one, two, three] = [fakeDevice("one"), fakeDevice("two"), fakeDevice("three")];
  const { provider, opened } = setUp([one, noAdapter, noAdapter, noAdapter, two, noAdapter, three, noAdapter], [0]);
  const running = new AbortController().signal;
  await provider.get();
  one.lose("the computer sleeps");
  await one.device.gpu.lost;
  await provider.again(running, 1);
  expect([await provider.get(), opened()]).toEqual([two.device, 5]);

  two.lose("out of sight");
  await two.device.gpu.lost;
  const waiting = provider.again(running, 1e6);
  await expect(provider.get()).rejects.toThrow("no adapter");
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(opened()).toBe(6);
  expect(await provider.get()).toBe(three.device);
  await waiting;

  three.lose("again");
  await three.device.gpu.lost;
  const stop = new AbortController();
  const stopped = provider.again(stop.signal, 1e6);
  setTimeout(() => stop.abort(new Error("paused")), 5);
  await expect(stopped).rejects.toThrow("paused");
});

test("without an adapter the status says why, and asking again tries again", async () => {
  const one = fakeDevice("one");
  const { provider, statuses } = setUp([noAdapter, one]);
  await expect(provider.get()).rejects.toThrow("no adapter");
  expect(statuses.at(-1)).toMatchObject({ state: "unavailable", reason: "no adapter" });
  expect(await provider.get()).toBe(one.device);
  expect(statuses.at(-1)).toMatchObject({ state: "ready" });
});

test("work that fails does not stop what waits; memory that ran out costs the device", async () => {
  const [one, two] = [fakeDevice("one"), fakeDevice("two")];
  const { provider } = setUp([one, two]);
  const failing = provider.use(() => Promise.reject(new Error("bad file")));
  const next = provider.use((device) => device);
  await expect(failing).rejects.toThrow("bad file");
  expect(await next).toBe(one.device);
  const full = provider.use(() => Promise.reject(new GpuError("out-of-memory", "full")));
  await expect(full).rejects.toThrow("full");
  expect(await provider.use((device) => device)).toBe(two.device);
});
