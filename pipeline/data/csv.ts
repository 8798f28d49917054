import { UserError } from "../../engine/errors.js";

/** A CSV file with a header: `rows[i]` maps column names to values; `line` is the row's first line in the file (1-based). */
export interface CsvTable {
  columns: string[];
  rows: { line: number; values: Record<string, string> }[];
}

interface RawRow {
  line: number;
  fields: string[];
}

/** One token: a field (quoted or plain), then what ends it. */
const tokens = {
  ",": /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\r|\n|$)/y,
  ";": /(?:"((?:[^"]|"")*)"|([^";\r\n]*))(;|\r\n|\r|\n|$)/y,
  "\t": /(?:"((?:[^"]|"")*)"|([^"\t\r\n]*))(\t|\r\n|\r|\n|$)/y,
};

/** What stands between the columns of the first line: a comma, or else a semicolon or a tab, as spreadsheets of many countries write. */
function separatorOf(text: string): keyof typeof tokens {
  const [header = ""] = text
    .trimStart()
    .replace(/"(?:[^"]|"")*"/g, "")
    .split(/[\r\n]/, 1);
  return ([",", ";", "\t"] as const).find((separator) => header.includes(separator)) ?? ",";
}

/** Splits RFC 4180 text into rows of fields. Quoted fields may hold separators, line breaks and doubled quotes. */
function splitRows(text: string, file: string): RawRow[] {
  const rows: RawRow[] = [];
  const separator = separatorOf(text);
  const token = new RegExp(tokens[separator]);
  let line = 1;
  let row: RawRow = { line, fields: [] };
  while (token.lastIndex < text.length || row.fields.length > 0) {
    const start = token.lastIndex;
    const match = token.exec(text);
    if (match === null) throw new UserError(`${file}, line ${line}: a quote is in the wrong place or never closed`);
    row.fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    line += text.slice(start, token.lastIndex).match(/\r\n|\r|\n/g)?.length ?? 0;
    if (match[3] === separator) continue;
    if (row.fields.length > 1 || row.fields[0] !== "") rows.push(row);
    row = { line, fields: [] };
  }
  // Spreadsheets leave rows of separators behind the last one.
  while (rows.length > 1 && rows.at(-1)?.fields.every((field) => field.trim() === "")) rows.pop();
  return rows;
}

/**
 * Reads comma-separated text with a header row (RFC 4180; a byte-order mark, blank lines and rows without a value at the end are skipped, column
 * names and values are trimmed). Where the header has no comma, semicolons or tabs may stand between the columns.
 *
 * @param file name used in errors
 * @throws UserError with file and line: text that is not UTF-8, a broken quote, a row of another length, a missing or repeated column name
 */
export function parseCsv(text: string, file: string): CsvTable {
  // What a decoder puts in the place of bytes that are no UTF-8.
  const undecoded = text.indexOf("\uFFFD");
  if (undecoded >= 0)
    throw new UserError(
      `${file}, line ${text.slice(0, undecoded).split(/\r\n|\r|\n/).length}: a letter cannot be read, the file is not UTF-8; save it as "CSV UTF-8"`,
    );
  const [header, ...body] = splitRows(text.replace(/^\uFEFF/, ""), file);
  if (header === undefined) throw new UserError(`${file}: the file is empty; the first line must name the columns`);
  const columns = header.fields.map((name) => name.trim());
  const repeated = columns.find((name, i) => name === "" || columns.indexOf(name) !== i);
  if (repeated !== undefined) {
    throw new UserError(`${file}, line ${header.line}: column name "${repeated}" is empty or repeated`);
  }
  const rows = body.map(({ line, fields }) => {
    if (fields.length !== columns.length) {
      throw new UserError(
        `${file}, line ${line}: ${fields.length} values, but the header names ${columns.length} columns (${columns.join(", ")})`,
      );
    }
    const values: Record<string, string> = {};
    for (const [i, name] of columns.entries()) values[name] = fields[i]!.trim();
    return { line, values };
  });
  return { columns, rows };
}

/** One CSV line without line break; values with commas, quotes, line breaks or outer blanks are quoted. */
export function csvLine(values: readonly (string | number)[]): string {
  return values
    .map(String)
    .map((value) => (/[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value))
    .join(",");
}

/** Spreadsheets run cells that begin so as formulas. */
const formula = /^[=+\-@\t\r]/;

/**
 * Text that no spreadsheet takes for a formula: with a leading apostrophe where it begins like one, or with another `prefix`
 * (`./` for file names, which stays the same path). The one guard of all tables; `unguarded` undoes it.
 */
export function harmless(text: string, prefix = "'"): string {
  return formula.test(text) ? prefix + text : text;
}

/** The text as it was before `harmless` put an apostrophe in front of it. */
export function unguarded(text: string): string {
  return text.startsWith("'") && formula.test(text.slice(1)) ? text.slice(1) : text;
}
