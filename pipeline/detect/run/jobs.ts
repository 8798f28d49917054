import { type Bits16Rule, type Grey8, type ImageFile, openImage, type PageMeta, toGrey8 } from "../../images/index.js";
import { type FileSource, openFile, prepareNodeJpeg } from "./fileSource.js";
import { type Output, writeOutput } from "./outputs.js";

/** What is done beside the GPU: reading the next image and writing the last one. Runs in a thread, or in the main thread. */

export interface Opened {
  readonly sha256: string;
  readonly metas: readonly PageMeta[];
}

/** Requests by name, with their argument and answer. */
export interface Jobs {
  /** Opens a file, and closes the one before. */
  open(request: { path: string; name: string }): Promise<Opened>;
  /** A page of the file that is open. */
  read(request: { page: number; rule: Bits16Rule }): Promise<Grey8>;
  write(request: Output): Promise<void>;
}

export type JobName = keyof Jobs;

/** The jobs of one thread; it keeps one file open. */
export class JobRunner implements Jobs {
  private source: FileSource | null = null;
  private image: ImageFile | null = null;

  async open({ path, name }: { path: string; name: string }): Promise<Opened> {
    await this.close();
    await prepareNodeJpeg();
    this.source = await openFile(path, name);
    this.image = await openImage(this.source);
    return { sha256: await this.source.digest(), metas: this.image.metas };
  }

  async read({ page, rule }: { page: number; rule: Bits16Rule }): Promise<Grey8> {
    if (!this.image) throw new Error("no file is open");
    return toGrey8(await this.image.page(page), rule);
  }

  async write(output: Output): Promise<void> {
    writeOutput(output);
  }

  async close(): Promise<void> {
    const { source } = this;
    [this.source, this.image] = [null, null];
    await source?.close();
  }
}
