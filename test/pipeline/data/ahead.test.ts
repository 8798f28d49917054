import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ahead } from "../../../pipeline/data/ahead.js";
import { LruCache } from "../../../pipeline/data/lru.js";

describe("ahead", () => {
  it("keeps the order, and starts exactly `depth` jobs before they are asked for", async () => {
    let started = 0;
    const jobs = Array.from({ length: 6 }, (_, i) => async () => {
      started++;
      await sleep(i % 2 ? 1 : 5);
      return i;
    });
    const seen: [number, number][] = [];
    for await (const value of ahead(jobs, 2)) seen.push([value, started]);
    expect(seen).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
      [3, 6],
      [4, 6],
      [5, 6],
    ]);
  });

  it("runs one by one at depth 0 and stops an endless source when the caller stops", async () => {
    let started = 0;
    let closed = false;
    function* endless() {
      try {
        for (;;) yield async () => started++;
      } finally {
        closed = true;
      }
    }
    for await (const value of ahead(endless(), 0)) if (value === 3) break;
    expect([started, closed]).toEqual([4, true]);
  });

  it("throws a job's error in its turn; later errors are not left unhandled", async () => {
    const fail = (text: string) => async (): Promise<number> => {
      throw new Error(text);
    };
    const seen: number[] = [];
    const consume = async () => {
      for await (const value of ahead([async () => 1, fail("second"), fail("third")], 2)) seen.push(value);
    };
    await expect(consume()).rejects.toThrow("second");
    expect(seen).toEqual([1]);
    await sleep(5);
  });
});

describe("LruCache", () => {
  it("forgets the least recently used entries first and never holds more than its capacity", () => {
    const cache = new LruCache<string, number>(10);
    cache.set("a", 1, 4);
    cache.set("b", 2, 4);
    expect(cache.get("a")).toBe(1);
    cache.set("c", 3, 4);
    expect([cache.get("a"), cache.get("b"), cache.get("c"), cache.bytes]).toEqual([1, undefined, 3, 8]);
    cache.set("d", 4, 10);
    expect([cache.get("a"), cache.get("c"), cache.get("d"), cache.bytes]).toEqual([undefined, undefined, 4, 10]);
  });

  it("replaces an entry and refuses one that is larger than itself", () => {
    const cache = new LruCache<string, number>(10);
    cache.set("a", 1, 6);
    cache.set("a", 2, 3);
    expect([cache.get("a"), cache.bytes]).toEqual([2, 3]);
    cache.set("b", 3, 11);
    expect([cache.get("b"), cache.get("a"), cache.bytes]).toEqual([undefined, 2, 3]);
    cache.set("a", 4, 11);
    expect([cache.get("a"), cache.bytes]).toEqual([undefined, 0]);
  });
});
