import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { UserError } from "../../engine/errors.js";
import { type CsvTable, parseCsv } from "./csv.js";

/** The rows of a label file by image id. */
export interface LabelTable {
  file: string;
  columns: string[];
  byId: Map<string, Record<string, string>>;
}

async function readTable(file: string): Promise<CsvTable> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UserError(
      `labels: cannot read ${file} (${error.code}); give the path of a CSV file with columns file,class`,
    );
  });
  const table = parseCsv(text, file);
  if (!table.columns.includes("file")) {
    const hint = table.columns.some((name) => name.includes(";"))
      ? " The file has commas and semicolons: save it with one of them."
      : "";
    throw new UserError(
      `${file}: the header has columns ${table.columns.map((name) => `"${name}"`).join(", ")}, but "file" is missing.${hint} ` +
        `Expected: file,class and any further columns for groupBy`,
    );
  }
  return table;
}

/** Maps what a CSV may call an image (its id, `images/` + id, or its file name when that is unique) to its id. */
function nameIndex(ids: readonly string[]): Map<string, string | null> {
  const index = new Map<string, string | null>();
  for (const id of ids) index.set(basename(id), index.has(basename(id)) ? null : id);
  for (const id of ids) index.set(`images/${id}`, id);
  for (const id of ids) index.set(id, id);
  return index;
}

/**
 * Reads a label file and matches its rows with the images of a set. Column `file` holds the path inside the images folder
 * (or just the file name, when unique); `class` may be absent when the file only serves `groupBy`.
 *
 * @throws UserError with file and line: unreadable, no `file` column, an unknown or ambiguous image, two rows for one image
 */
export async function readLabels(file: string, ids: readonly string[]): Promise<LabelTable> {
  const table = await readTable(file);
  const index = nameIndex(ids);
  const byId = new Map<string, Record<string, string>>();
  for (const { line, values } of table.rows) {
    const name = (values.file ?? "").replaceAll("\\", "/").replace(/^\.\//, "");
    const id = index.get(name);
    if (id === undefined) {
      throw new UserError(
        `${file}, line ${line}: no image "${name}" in the images folder; correct the path or remove the row`,
      );
    }
    if (id === null) {
      throw new UserError(
        `${file}, line ${line}: several folders have an image "${name}"; write the folder too (folder/${name})`,
      );
    }
    if (byId.has(id))
      throw new UserError(`${file}, line ${line}: image "${id}" has a second row; keep one row per image`);
    byId.set(id, values);
  }
  return { file, columns: table.columns, byId };
}
