import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AdapterInfo } from "../../../engine/index.js";
import { openChoices } from "../../../pipeline/tuning/store.js";

const info: AdapterInfo = {
  vendor: "mesa",
  architecture: "",
  device: "llvmpipe (LLVM 15, 256 bits)",
  description: "driver 1",
  isCpu: true,
  subgroupMinSize: 8,
  subgroupMaxSize: 8,
};

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "equipoise-tuning-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const silent = (text: string) => expect.fail(text);

test("keeps choices, adds to them, and has a file per adapter", async () => {
  const store = await openChoices(info, join(folder, "new"));
  expect(await store.load(silent)).toEqual({});
  await store.save({ "gemm a": "broadcast-8x32" });
  await store.save({ "gemm b": "register-4x8", "gemm a": "broadcast-16x32" });
  expect(await (await openChoices(info, join(folder, "new"))).load(silent)).toEqual({
    "gemm a": "broadcast-16x32",
    "gemm b": "register-4x8",
  });
  const other = await openChoices({ ...info, description: "driver 2" }, join(folder, "new"));
  expect(await other.load(silent)).toEqual({});
  await other.save({ "gemm a": "x" });
  expect(readdirSync(join(folder, "new"))).toHaveLength(2);
});

test("a damaged file is named, not used, and replaced by the next tuning", async () => {
  const store = await openChoices(info, folder);
  writeFileSync(store.place, "{ no json");
  const problems: string[] = [];
  expect(await store.load((text) => problems.push(text))).toEqual({});
  expect(problems.join()).toContain(store.place);
  expect(problems.join()).toContain("equipoise tune");
  await store.save({ a: "b" });
  expect(await store.load(silent)).toEqual({ a: "b" });
});

test("choices of another version of the kernels are not used", async () => {
  const store = await openChoices(info, folder);
  await store.save({ a: "b" });
  writeFileSync(store.place, readFileSync(store.place, "utf8").replace(/"kernels": "\w+"/, '"kernels": "0123"'));
  const problems: string[] = [];
  expect(await store.load((text) => problems.push(text))).toEqual({});
  expect(problems.join()).toContain("another adapter or version");
});
