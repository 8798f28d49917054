import type { IDBPDatabase } from "idb";
import { type RunFile, runFiles } from "../../../../pipeline/run/store.js";
import { filesTable, IdbStore, imagesTable, openDatabase } from "../idbStore.js";
import type { Session } from "./events.js";
import type { PageRun } from "./training.js";

const lineFiles = [runFiles.metrics, runFiles.log] as const;

/** What the browser keeps of the section Train here: the labelling, and one run with its files. */
export class TrainStorage {
  private database: Promise<IDBPDatabase> | null = null;

  /** @param onLine told of every line that a run appends to one of its files */
  constructor(private readonly onLine: (file: RunFile, line: string) => void) {}

  /** The labelling of an earlier visit; null: none, or a part of one. */
  async session(): Promise<Session | null> {
    const db = await this.db();
    const images = (await db.get(imagesTable, "images")) as Session["images"] | undefined;
    const labels = (await db.get(imagesTable, "labels")) as Omit<Session, "images"> | undefined;
    return images && labels && images.length === labels.labels.length ? { images, ...labels } : null;
  }

  async keepImages(images: Session["images"]): Promise<void> {
    await (await this.db()).put(imagesTable, images, "images");
  }

  async keepLabels(labels: Omit<Session, "images">): Promise<void> {
    await (await this.db()).put(imagesTable, labels, "labels");
  }

  /** The run, with what was written of it; null: none. */
  async run(): Promise<PageRun | null> {
    const db = await this.db();
    const kept = (await db.get(imagesTable, "run")) as Omit<PageRun, "store"> | undefined;
    return kept ? { ...kept, store: await IdbStore.open(db, filesTable, lineFiles, this.onLine) } : null;
  }

  /** Puts a run in the place of the one before. @param files that it begins with */
  async newRun({ config, set }: Omit<PageRun, "store">, files: ReadonlyMap<string, Uint8Array>): Promise<PageRun> {
    const db = await this.db();
    await db.clear(filesTable);
    for (const [name, bytes] of files) await db.put(filesTable, bytes, name);
    await db.put(imagesTable, { config, set }, "run");
    return { config, set, store: await IdbStore.open(db, filesTable, lineFiles, this.onLine) };
  }

  async forgetRun(): Promise<void> {
    const db = await this.db();
    await db.clear(filesTable);
    await db.delete(imagesTable, "run");
  }

  private db(): Promise<IDBPDatabase> {
    this.database ??= openDatabase();
    return this.database;
  }
}
