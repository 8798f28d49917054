import { type IDBPDatabase, openDB } from "idb";
import { UserError } from "../../../engine/errors.js";
import type { ChoiceRecord, Device } from "../../../engine/index.js";
import { reason } from "../../../pipeline/run/store.js";
import { type ChoiceShelf, ChoiceStore } from "../../../pipeline/tuning/choiceStore.js";

/** Name of the database and of its only table: texts as `equipoise tune` keeps them in files, by the same names. */
const database = "equipoise-tuning";
const table = "choices";

/** The tuner's choices in this browser, by adapter and version of the kernels. Where the browser keeps nothing they hold as long as the page. */
export class KeptChoices {
  readonly #texts = new Map<string, string>();
  readonly #shelf: ChoiceShelf = {
    nameOf: (name) => `${name} (in this browser)`,
    fix: "tune again to replace it",
    read: async (name) => this.#texts.get(name) ?? (await this.#stored(name)),
    write: async (name, text) => {
      this.#texts.set(name, text);
      try {
        await (await this.#open()).put(table, text, name);
      } catch (error) {
        throw new UserError(
          `the choices hold until this page is closed: the browser keeps nothing (${reason(error)}); leave private mode, or free space`,
        );
      }
    },
  };
  #db: Promise<IDBPDatabase> | null = null;

  /** What was tuned for this device's adapter; empty if nothing was. @param onProblem told of a text that cannot be used */
  async load(device: Device, onProblem: (text: string) => void = () => {}): Promise<ChoiceRecord> {
    return (await ChoiceStore.open(device.info, this.#shelf)).load(onProblem);
  }

  /** Adds choices to those that are kept. @throws UserError if they will not outlive the page */
  async add(device: Device, choices: ChoiceRecord): Promise<void> {
    await (await ChoiceStore.open(device.info, this.#shelf)).save(choices);
  }

  /** Forgets what was tuned, for all adapters. */
  async forget(): Promise<void> {
    this.#texts.clear();
    await (await this.#open().catch(() => null))?.clear(table);
  }

  async #stored(name: string): Promise<string | null> {
    const db = await this.#open().catch(() => null);
    return ((await db?.get(table, name)) as string | undefined) ?? null;
  }

  #open(): Promise<IDBPDatabase> {
    this.#db ??= openDB(database, 1, {
      upgrade(db) {
        db.createObjectStore(table);
      },
    });
    return this.#db;
  }
}
