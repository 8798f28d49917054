import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { builtModule } from "../../pipeline/builtModule.js";

test("a module of the sources is found in the build", () => {
  const project = new URL("../../", import.meta.url);
  const caller = new URL("pipeline/data/scan.ts", project).href;
  const url = builtModule("../metrics.js", caller);
  expect(url.href).toBe(new URL("dist/node/pipeline/metrics.js", project).href);
  expect(existsSync(url)).toBe(true);
});

test("a built module is taken as it is", () => {
  expect(builtModule("./worker.js", "file:///x/dist/node/pipeline/data/loader.js").href).toBe(
    "file:///x/dist/node/pipeline/data/worker.js",
  );
});
