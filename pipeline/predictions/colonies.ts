/** Which colony an image is: from the `colonies.csv` that `equipoise detect` writes, found beside the images or above them. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { UserError } from "../../engine/errors.js";
import { parseCsv, unguarded } from "../data/csv.js";
import { stemOf } from "../data/listing.js";
import { measureColumns } from "../detect/table.js";
import { someOf, withoutColumn } from "./wells.js";

/** Columns of predictions that come from `colonies.csv`; its `n`, the colony's number in its well, is called `colony`. */
export const colonyColumns = ["well", "time", "colony", ...measureColumns] as const;

/** Values by column, as texts. */
export type ColonyFacts = Partial<Record<(typeof colonyColumns)[number], string>>;

interface ColonyTable {
  readonly file: string;
  /** By the stem of the crop, `<stem>_<n>`. */
  readonly byCrop: ReadonlyMap<string, ColonyFacts>;
  readonly used: Set<string>;
}

/** Looks colonies up; each table is read once. */
export class ColonyTables {
  private readonly tables = new Map<string, ColonyTable | null>();
  private readonly without: string[] = [];

  /** @param onWarning told about tables that cannot be used */
  constructor(private readonly onWarning: (text: string) => void) {}

  /**
   * The facts about an image's colony; null where no table lies in its folder or a parent up to `root`, or none of it has the image.
   * @throws UserError for a table that is there but damaged
   */
  find(file: string, root: string): ColonyFacts | null {
    const table = this.tableFor(dirname(resolve(file)), resolve(root));
    if (table === null) return null;
    const crop = stemOf(basename(file));
    const facts = table.byCrop.get(crop) ?? null;
    if (facts === null) this.without.push(file);
    else table.used.add(crop);
    return facts;
  }

  /** Whether any table was found. */
  get any(): boolean {
    return [...this.tables.values()].some((table) => table !== null);
  }

  /** One sentence for images without a row, and one per table below `folder` with rows without an image. */
  unmatched(folders: readonly string[]): string[] {
    const notes: string[] = [];
    if (this.without.length > 0)
      notes.push(
        `${this.without.length} image(s) have no row in colonies.csv, so their well and time stay empty: ${someOf(this.without)}`,
      );
    for (const table of new Set(this.tables.values())) {
      if (table === null || !folders.some((folder) => within(dirname(table.file), resolve(folder)))) continue;
      const unused = [...table.byCrop.keys()].filter((crop) => !table.used.has(crop));
      if (unused.length > 0)
        notes.push(`${table.file}: ${unused.length} row(s) have no image and are left out: ${someOf(unused)}`);
    }
    return notes;
  }

  private tableFor(folder: string, root: string): ColonyTable | null {
    const known = this.tables.get(folder);
    if (known !== undefined) return known;
    const file = join(folder, "colonies.csv");
    const own = existsSync(file) ? this.read(file) : null;
    const isTop = !within(folder, root) || folder === root || dirname(folder) === folder;
    const table = own ?? (isTop ? null : this.tableFor(dirname(folder), root));
    this.tables.set(folder, table);
    return table;
  }

  private read(file: string): ColonyTable | null {
    const { columns, rows } = parseCsv(textOf(file), file);
    const lacking = ["stem", "n", "well", "time"].find((name) => !columns.includes(name));
    if (lacking !== undefined) {
      this.onWarning(`${file} is not used: ${withoutColumn(lacking, columns)} "equipoise detect" writes such a table`);
      return null;
    }
    const byCrop = new Map<string, ColonyFacts>();
    for (const { line, values } of rows) {
      const crop = `${unguarded(values.stem ?? "")}_${values.n}`;
      if (byCrop.has(crop))
        throw new UserError(
          `${file}, line ${line}: colony ${crop} has a row already; make the table again with "detect"`,
        );
      const facts = colonyColumns.map(
        (name) => [name, unguarded(values[name === "colony" ? "n" : name] ?? "")] as const,
      );
      byCrop.set(crop, Object.fromEntries(facts));
    }
    return { file, byCrop, used: new Set() };
  }
}

/**
 * How far above an image its table may lie: the folder that the user named (of a file: its folder), or, where that is `images` of
 * a data set or below it, the data set.
 */
export function searchRoot(input: string, isFolder: boolean): string {
  const folder = resolve(isFolder ? input : dirname(input));
  const parts = folder.split(sep);
  const images = parts.lastIndexOf("images");
  return images > 0 ? parts.slice(0, images).join(sep) || sep : folder;
}

function within(folder: string, root: string): boolean {
  return folder === root || folder.startsWith(root.endsWith(sep) ? root : root + sep);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`${file}: cannot be read (${code}); restore the file or its permissions`);
  }
}
