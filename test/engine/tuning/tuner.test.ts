import { beforeAll, describe, expect, test } from "vitest";
import { type Device, type Operation, perform, type Tensor, tune, type Variant } from "../../../engine/index.js";
import { fill } from "../../../engine/stream.js";
import { testDevice } from "../../support/device.js";

/** Fills a vector of `n` with 1, in one way or another. */
type Shape = { n: number };
type Operands = { out: Tensor };

const ran: string[] = [];

/** A variant that does the same work `times` times. */
function variant(name: string, times: number, fits = true): Variant<Shape, Operands> {
  return {
    name,
    fits: () => fits,
    run: (device, _, { out }) => {
      ran.push(name);
      for (let i = 0; i < times; i++) fill(device, out, 1);
    },
  };
}

function operation(variants: readonly Variant<Shape, Operands>[], preferred: string): Operation<Shape, Operands> {
  return {
    name: "ones",
    variants,
    preferred: () => preferred,
    shapeClass: ({ n }) => `${n}`,
    scratch: (device, { n }) => ({ out: device.empty([n], "scratch") }),
    flops: ({ n }) => n,
  };
}

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

/** Runs an operation once, so that the device knows its shape, and returns what ran. */
function request(op: Operation<Shape, Operands>, n: number): string {
  const out = device.empty([n], "out");
  ran.length = 0;
  perform(device, op, { n }, { out });
  device.release(out);
  return ran.join();
}

describe("tune", () => {
  const n = 1 << 16;

  test("a variant that is not worth it on this adapter is not timed, unless it is preferred", async () => {
    const big = { ...variant("big", 1), worthTiming: () => false };
    const op = { ...operation([variant("slow", 60), big], "slow"), name: "tune-w" };
    request(op, n);
    expect(await tune(device, only("tune-w"))).toMatchObject([{ variant: "slow", seconds: {} }]);
    const own = { ...operation([variant("slow", 60), big], "big"), name: "tune-o" };
    request(own, n);
    expect(await tune(device, only("tune-o"))).toMatchObject([{ variant: "big" }]);
  });

  test("chooses the faster variant, and later calls take it", async () => {
    const op = { ...operation([variant("slow", 60), variant("fast", 1)], "slow"), name: "tune-a" };
    expect(request(op, n)).toBe("slow");
    const live = device.memory.live;
    const [tuned] = await tune(device, only("tune-a"));
    expect(tuned).toMatchObject({ key: `tune-a ${n}`, variant: "fast", preferred: "slow", flops: n });
    expect(request(op, n)).toBe("fast");
    expect(device.memory.live, "scratch is released").toBe(live);
  });

  test("keeps the preferred variant where none is clearly faster", async () => {
    const op = { ...operation([variant("slow", 60), variant("fast", 1)], "fast"), name: "tune-b" };
    request(op, n);
    const [tuned] = await tune(device, only("tune-b"));
    expect(tuned?.variant).toBe("fast");
  });

  test("runs no variant that does not fit, and times nothing where there is one way only", async () => {
    const op = { ...operation([variant("other", 1, false), variant("only", 1)], "only"), name: "tune-c" };
    request(op, n);
    ran.length = 0;
    const [tuned] = await tune(device, only("tune-c"));
    expect(tuned).toMatchObject({ variant: "only", seconds: {} });
    expect(ran).toEqual([]);
  });

  test("stops when it is told to", async () => {
    const op = { ...operation([variant("slow", 1), variant("fast", 1)], "slow"), name: "tune-d" };
    request(op, n);
    await expect(tune(device, only("tune-d"), { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
  });

  function only(name: string) {
    return new Map([...device.choices.requests].filter(([key]) => key.startsWith(`${name} `)));
  }
});

describe("choices", () => {
  test("a choice that was set is taken and recorded; an unknown name gives way to the preferred variant", () => {
    const op = { ...operation([variant("a", 1), variant("b", 1)], "a"), name: "set" };
    device.choices.set({ "set 8": "b", "set 16": "gone" });
    expect(request(op, 8)).toBe("b");
    expect(request(op, 16)).toBe("a");
    expect(request(op, 32)).toBe("a");
    expect(device.choices.record()).toMatchObject({ "set 8": "b", "set 16": "a", "set 32": "a" });
  });

  test("other work can have choices of its own; replacing them forgets what was used", async () => {
    const op = { ...operation([variant("a", 1), variant("b", 1)], "a"), name: "during" };
    expect(request(op, 8)).toBe("a");
    const before = device.choices.record();
    await device.choices.during({ "during 8": "b" }, async () => {
      expect(request(op, 8)).toBe("b");
      expect(request(op, 16)).toBe("a");
      expect(device.choices.record()).toEqual({ "during 8": "b", "during 16": "a" });
      expect([...device.choices.requests.keys()]).toEqual(["during 8", "during 16"]);
    });
    expect(device.choices.record()).toEqual(before);
    expect(request(op, 8)).toBe("a");
    const failing = device.choices.during({}, () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(device.choices.record()).toEqual(before);
    device.choices.replace({ "during 8": "b" });
    expect(device.choices.record()).toEqual({ "during 8": "b" });
    expect(request(op, 8)).toBe("b");
  });

  test("a variant that fits a part of a shape class only does not stick to the others", () => {
    const odd: Variant<Shape, Operands> = { ...variant("odd", 1), fits: (_, g) => g.n % 2 === 1 };
    const op = { ...operation([odd, variant("any", 1)], "any"), name: "class", shapeClass: () => "all" };
    device.choices.set({ "class all": "odd" });
    expect(request(op, 7)).toBe("odd");
    expect(request(op, 8)).toBe("any");
  });
});
