/** Wells as tables name them. Needs no Node. */
import { UserError } from "../../engine/errors.js";
import { type CsvTable, unguarded } from "../data/csv.js";

/** One name for one well: `a1`, `A1`, `A01` and `A001` are `A01`; any other text is itself. */
export function wellKey(well: string): string {
  const [, letters, digits] = /^([A-Za-z]{1,2})0*(\d{1,3})$/.exec(well.trim()) ?? [];
  if (letters === undefined || digits === undefined) return well.trim();
  return `${letters.toUpperCase()}${digits.padStart(2, "0")}`;
}

/** What a plate map says about its wells. */
export interface PlateMap {
  /** Name used in messages. */
  readonly file: string;
  /** All columns but `well`, in their order. */
  readonly columns: readonly string[];
  /** Values by column, by `wellKey`. */
  readonly wells: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** Columns of predictions that a plate map cannot have, and how those begin that hold probabilities. */
const taken = ["file", "class", "truth", "entropy", "time"];
const probability = "p_";

/**
 * A plate map from its table: a column `well` (`Well` will do), and any others.
 * @param file name used in messages
 * @param alsoTaken further columns that the plate map may not have
 * @throws UserError naming file and line: no column `well` or nothing beside it, a well without a name or twice, a column whose
 *   name is taken
 */
export function plateMap({ columns, rows }: CsvTable, file: string, alsoTaken: readonly string[] = []): PlateMap {
  const own = columns.find((name) => name === "well") ?? columns.find((name) => name.toLowerCase() === "well");
  const others = columns.filter((name) => name !== own);
  if (others.length === columns.length) throw new UserError(`${file}: ${withoutColumn("well", columns)}`);
  if (others.length === 0)
    throw new UserError(`${file}: there is only the column "well"; add what the wells differ in, such as "condition"`);
  const clash = others.find((name) => [...taken, ...alsoTaken].includes(name) || name.startsWith(probability));
  if (clash !== undefined)
    throw new UserError(`${file}: predictions have a column "${clash}" of their own; give this one another name`);
  const wells = new Map<string, Record<string, string>>();
  const lines = new Map<string, number>();
  for (const { line, values } of rows) {
    const key = wellKey(unguarded(values[own ?? "well"] ?? ""));
    if (key === "") throw new UserError(`${file}, line ${line}: the well has no name; write one, such as A01`);
    if (lines.has(key))
      throw new UserError(`${file}, line ${line}: well ${key} has a row already, in line ${lines.get(key)}; keep one`);
    lines.set(key, line);
    wells.set(key, Object.fromEntries(others.map((name) => [name, unguarded(values[name] ?? "")])));
  }
  return { file, columns: others, wells };
}

/** Says that a column is missing, which are there, and what is likely wrong. */
export function withoutColumn(name: string, columns: readonly string[]): string {
  const shown = columns.map((column) => `"${column}"`).join(", ");
  const alike = columns.find((column) => column.toLowerCase() === name.toLowerCase());
  const mixed = columns.some((column) => column.includes(";"));
  const hint = alike
    ? ` Did you mean "${alike}"?`
    : mixed
      ? " It has commas and semicolons: save it with one of them."
      : "";
  return `there is no column "${name}"; it has ${shown}.${hint}`;
}

/** A few names of a list and how many there are more: `A01, A02 and 3 more`. */
export function someOf(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
