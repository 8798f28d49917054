import { type IDBPDatabase, openDB } from "idb";
import { UserError } from "../../../engine/errors.js";
import type { TensorData } from "../../../models/safetensors.js";
import { type RunFile, type RunLines, type RunStore, reason } from "../../../pipeline/run/store.js";

type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/**
 * The files of a run in IndexedDB: one entry a file, each written in one transaction. Files of lines are kept in memory, too; what
 * was appended since the last `sync` is lost when the page goes, as it is after a checkpoint.
 */
export class IdbStore implements RunStore {
  private constructor(
    private readonly db: IDBPDatabase,
    private readonly table: string,
    private readonly texts: Map<string, string>,
    private readonly onLine: (file: RunFile, line: string) => void,
  ) {}

  /** @param lineFiles which are read ahead @param onLine told of every line that is appended */
  static async open(
    db: IDBPDatabase,
    table: string,
    lineFiles: readonly RunFile[],
    onLine: (file: RunFile, line: string) => void,
  ): Promise<IdbStore> {
    const texts = new Map<string, string>();
    for (const file of lineFiles) {
      const bytes = (await db.get(table, file)) as Bytes | undefined;
      texts.set(file, bytes ? new TextDecoder().decode(bytes) : "");
    }
    return new IdbStore(db, table, texts, onLine);
  }

  nameOf(file: RunFile): string {
    return file;
  }

  async read(file: RunFile): Promise<Bytes | null> {
    const text = this.text(file);
    if (text !== "") return encoder.encode(text);
    return ((await this.db.get(this.table, file)) as Bytes | undefined) ?? null;
  }

  async write(file: RunFile, content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === "string" ? encoder.encode(content) : content;
    try {
      await this.db.put(this.table, bytes, file);
    } catch (error) {
      throw new UserError(
        `${file}: the browser cannot keep it (${reason(error)}): free space on the disk, or leave private mode; download the run before closing the page`,
      );
    }
  }

  /** What the file of lines holds. */
  text(file: RunFile): string {
    return this.texts.get(file) ?? "";
  }

  lines(file: RunFile, keep: number | null): RunLines {
    const all = encoder.encode(this.text(file));
    if (keep !== null && all.length < keep)
      throw new UserError(
        `${file}: has ${all.length} bytes, but the checkpoint knows of ${keep}: start the training again`,
      );
    let bytes = keep ?? all.length;
    this.texts.set(file, new TextDecoder().decode(all.subarray(0, bytes)));
    const append = (line: string) => {
      this.texts.set(file, `${this.text(file)}${line}\n`);
      bytes += encoder.encode(line).length + 1;
      this.onLine(file, line);
    };
    const sync = () => this.write(file, this.text(file));
    return {
      get bytes() {
        return bytes;
      },
      append,
      sync,
      close: () => {
        sync().catch(() => {}); // the next checkpoint says so
      },
    };
  }

  async sha256(parts: Iterable<string | TensorData>): Promise<string> {
    const blob = new Blob([...parts].map((part) => part as BlobPart));
    const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Every file of the run. */
  async all(): Promise<Map<string, Bytes>> {
    for (const [file, text] of this.texts) if (text !== "") await this.write(file as RunFile, text);
    const keys = await this.db.getAllKeys(this.table);
    const values = await this.db.getAll(this.table);
    return new Map(keys.map((key, i) => [String(key), values[i] as Bytes]));
  }
}

/** The tables of the section Train here. */
export const filesTable = "files";
export const imagesTable = "images";

/** @throws UserError where the browser keeps nothing */
export async function openDatabase(): Promise<IDBPDatabase> {
  try {
    return await openDB("equipoise-train", 1, {
      upgrade(db) {
        db.createObjectStore(filesTable);
        db.createObjectStore(imagesTable);
      },
    });
  } catch (error) {
    throw new UserError(`this browser keeps nothing for the page (${reason(error)}): leave private mode`);
  }
}
