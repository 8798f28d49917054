import { afterEach, describe, expect, it } from "vitest";
import type { Device } from "../../engine/index.js";
import { openNodeDevice } from "../../engine/node.js";
import { testDevice } from "../support/device.js";
import { countCalls, trainable } from "../support/trainable.js";

let own: Device | null = null;
afterEach(() => {
  own?.close();
  own = null;
});

describe("precompile", () => {
  it("compiles all that a step needs, without allocating, and tells how far it is", async () => {
    own = await openNodeDevice();
    const net = trainable(own);
    net.write(0);
    await own.sync();
    const { live } = own.memory;
    const { dispatches } = own.counters;
    const told: string[] = [];
    const { calls, stop } = countCalls(own);
    await own.precompile(net.work, (done, total) => told.push(`${done}/${total}`));
    stop();
    const { pipelines } = own.counters;
    expect(own.memory.live).toBe(live);
    // An adapter on the CPU runs one workgroup of each kernel, since it makes machine code no sooner.
    expect(own.counters.dispatches - dispatches).toBe(own.info.isCpu ? pipelines : 0);
    expect(pipelines).toBeGreaterThan(10);
    expect(told).toEqual(Array.from({ length: pipelines }, (_, i) => `${i + 1}/${pipelines}`));
    expect(calls.createComputePipelineAsync).toBe(pipelines);
    expect(calls.createComputePipeline).toBeUndefined();
    if (!own.info.isCpu)
      for (const name of ["createBuffer", "createBindGroup", "submit", "writeBuffer"])
        expect(calls[name], name).toBeUndefined();
    net.work();
    expect(own.counters.pipelines).toBe(pipelines);
    const again: number[] = [];
    await own.precompile(net.work, (done) => again.push(done));
    expect(again).toEqual([]);
    await own.sync();
  });

  it("does not change a step's outcome", async () => {
    const outcomes = [];
    for (const first of [true, false]) {
      const device = await openNodeDevice();
      const net = trainable(device);
      if (first) await device.precompile(net.work);
      for (let i = 0; i < 3; i++) {
        net.write(i);
        net.work();
      }
      outcomes.push(await net.outcome());
      device.close();
    }
    expect(outcomes[0]).toEqual(outcomes[1]);
  });

  it("names the kernel that does not compile", async () => {
    own = await openNodeDevice();
    const kernels = await import("../../engine/generated/kernels.js");
    const code = kernels.reluForward.code.replace("let v = x[i];", "let v = missing[i];");
    const broken = { ...kernels.reluForward, code };
    const device = own;
    const work = () => {
      const [x, y] = [device.empty([4], "x"), device.empty([4], "y")];
      device.run(broken, { x, y }, { count: 1 }, [1, 1, 1]);
    };
    await expect(device.precompile(work)).rejects.toMatchObject({ kind: "shader" });
    await expect(device.precompile(work)).rejects.toThrow("relu_forward.wgsl");
  });

  it("refuses a read of what was never computed", async () => {
    const device = await testDevice();
    const x = device.zeros([1], "x");
    await expect(device.precompile(() => void device.read(x))).rejects.toThrow("x: nothing can be read in a rehearsal");
    expect((await device.read(x))[0]).toBe(0);
    device.release(x);
  });
});
