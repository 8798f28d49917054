import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { encodeGrey } from "../../../pipeline/data/png.js";

/** What a file holds: text, bytes, a link to another path, or an image of one grey value by size. */
export type Content = string | Uint8Array | { link: string } | { height: number; width: number; value?: number };

/** A folder for one test file, with means to fill it. */
export class TestFolder {
  readonly root = mkdtempSync(join(tmpdir(), "equipoise-data-"));
  private next = 0;

  /** Makes a new folder that holds `files` (by relative path; a path that ends in `/` is an empty folder). */
  make(files: Record<string, Content>): string {
    const folder = join(this.root, `${this.next++}`);
    mkdirSync(folder);
    for (const [path, content] of Object.entries(files)) {
      const target = join(folder, path);
      mkdirSync(path.endsWith("/") ? target : dirname(target), { recursive: true });
      if (!path.endsWith("/")) this.write(target, content);
    }
    return folder;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private write(target: string, content: Content): void {
    if (typeof content === "string" || content instanceof Uint8Array) writeFileSync(target, content);
    else if ("link" in content) symlinkSync(content.link, target);
    else {
      const { height, width, value = 128 } = content;
      writeFileSync(target, encodeGrey({ height, width, pixels: new Uint8Array(height * width).fill(value) }));
    }
  }
}
