import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";

test("the readers, and the overlay, bundle for a browser page without anything of Node", async () => {
  const root = join(import.meta.dirname, "../../..");
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: 'export * from "./pipeline/images/index.js"; export * from "./pipeline/detect/run/overlay.js";',
      resolveDir: root,
    },
    ...{
      bundle: true,
      minify: true,
      platform: "browser",
      format: "esm",
      write: false,
      metafile: true,
      logLevel: "silent",
    },
  });
  const external = Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter((one) => one.external));
  expect(external).toEqual([]);
  expect(outputFiles[0]!.text).not.toMatch(/["'](node:|pngjs)/);
});
