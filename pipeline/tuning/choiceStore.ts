import * as z from "zod";
import * as kernels from "../../engine/generated/kernels.js";
import { type AdapterInfo, type ChoiceRecord, UserError } from "../../engine/index.js";
import { reason } from "../run/store.js";

/** Keeps texts by name: a folder, or a page's database. */
export interface ChoiceShelf {
  /** Null where there is none of that name. */
  read(name: string): Promise<string | null>;
  /** Replaces the whole text. @throws UserError */
  write(name: string, text: string): Promise<void>;
  /** What messages call a text. */
  nameOf(name: string): string;
  /** How a text that cannot be used is replaced, as "run `equipoise tune` to replace it". */
  readonly fix: string;
}

const fileSchema = z.object({
  adapter: z.string(),
  kernels: z.string(),
  choices: z.record(z.string(), z.string()),
});

/** Where the tuner's choices are kept between runs: one JSON text per adapter and version of the kernels. */
export class ChoiceStore {
  private constructor(
    private readonly shelf: ChoiceShelf,
    /** Name of the text on its shelf. */
    readonly name: string,
    private readonly head: { readonly adapter: string; readonly kernels: string },
  ) {}

  static async open(info: AdapterInfo, shelf: ChoiceShelf): Promise<ChoiceStore> {
    const adapter = [info.vendor, info.architecture, info.device, info.description].join(" ").trim();
    const kernels = await kernelDigest();
    const name = (info.device || info.description || "adapter").toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const digest = await sha256(`${adapter}\n${kernels}`);
    return new ChoiceStore(shelf, `${name.slice(0, 40)}-${digest.slice(0, 12)}.json`, { adapter, kernels });
  }

  /** Where the choices are, for messages. */
  get place(): string {
    return this.shelf.nameOf(this.name);
  }

  /** What was tuned before; empty if nothing was. @param onProblem is told of a text that cannot be used */
  async load(onProblem: (text: string) => void): Promise<ChoiceRecord> {
    try {
      const text = await this.shelf.read(this.name);
      if (text === null) return {};
      const { adapter, kernels, choices } = fileSchema.parse(JSON.parse(text));
      if (adapter === this.head.adapter && kernels === this.head.kernels) return choices;
      onProblem(`${this.place}: belongs to another adapter or version and is not used; ${this.shelf.fix}`);
    } catch (error) {
      onProblem(`${this.place}: cannot be read and is not used (${reason(error)}); ${this.shelf.fix}`);
    }
    return {};
  }

  /** Adds choices to those that are kept. @throws UserError if they cannot be */
  async save(choices: ChoiceRecord): Promise<void> {
    const merged = { ...(await this.load(() => {})), ...choices };
    await this.shelf.write(this.name, `${JSON.stringify({ ...this.head, choices: merged }, null, 2)}\n`);
  }
}

const choicesSchema = z.record(z.string(), z.string());

/** The choices in a run's `tuning.json`. @throws UserError naming the file, when it was damaged */
export function parseChoices(value: unknown, name: string): ChoiceRecord {
  const parsed = choicesSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(`${name}: is no list of kernel variants by shape: remove it to use the default kernels`);
}

/** Changes with any kernel: what was fastest then need not be now. Bundlers list a module's exports in an order of their own. */
async function kernelDigest(): Promise<string> {
  const all = Object.values(kernels).map(({ file, code }) => `${file}\0${code}\0`);
  all.sort();
  return (await sha256(all.join(""))).slice(0, 16);
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
