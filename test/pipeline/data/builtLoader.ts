import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const project = fileURLToPath(new URL("../../../", import.meta.url));

/** The loader compiled as `npm run build` does it: one JavaScript module per source, in a folder that sees node_modules. */
export class BuiltLoader {
  readonly folder: string;

  constructor() {
    mkdirSync(join(project, ".cache"), { recursive: true });
    this.folder = mkdtempSync(join(project, ".cache", "test-loader-"));
  }

  async build(): Promise<void> {
    const names = [
      "loader",
      "worker",
      "source",
      "files",
      "imageFile",
      "reader",
      "readerThread",
      "png",
      "resize",
      "patches",
      "lru",
    ];
    await build({
      entryPoints: [
        ...names.map((name) => join(project, `pipeline/data/${name}.ts`)),
        join(project, "pipeline/thread.ts"),
        ...["fileSource", "pages"].map((name) => join(project, `pipeline/detect/run/${name}.ts`)),
        join(project, "pipeline/images/*.ts"),
        ...["courtesy", "errors", "rng"].map((name) => join(project, `engine/${name}.ts`)),
      ],
      outdir: this.folder,
      outbase: project,
      format: "esm",
      platform: "node",
      target: "es2023",
    });
  }

  /** URL of a built module of pipeline/data. */
  url(name: string): URL {
    return pathToFileURL(join(this.folder, `pipeline/data/${name}.js`));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
