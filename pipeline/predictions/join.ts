/** What is known about predicted images beside their pixels: well, time and colony, and what the plate map says of the well. */
import { readFileSync, statSync } from "node:fs";
import { UserError } from "../../engine/errors.js";
import { parseCsv } from "../data/csv.js";
import { wellTime } from "../images/names.js";
import { ColonyTables, colonyColumns, searchRoot } from "./colonies.js";
import { type PlateMap, plateMap, someOf, wellKey } from "./wells.js";

/** Further columns of a table of predictions. */
export interface JoinedColumns {
  readonly columns: readonly string[];
  /** Per image, by column; a column that is not there is empty. */
  readonly rows: readonly Readonly<Record<string, string>>[];
}

/** An image and the argument of the command that led to it. */
export interface InputImage {
  readonly file: string;
  readonly input: string;
}

/** @throws UserError for a file that cannot be read, and as `plateMap` */
export function readPlate(file: string): PlateMap {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`--plate ${file}: cannot be read (${code}); give a CSV file with columns well,condition`);
  }
  return plateMap(parseCsv(text, file), file, colonyColumns);
}

/**
 * Joins images with the colonies.csv above them and with a plate map. Without colonies.csv a plate map is joined by the well in
 * the file's name (A01_t07.png). What does not match is told, and its columns stay empty.
 * @throws UserError where a plate map is given and not one image has a well
 */
export function joinFacts(
  images: readonly InputImage[],
  plate: PlateMap | null,
  log: { info(text: string): void; warn(text: string): void },
): JoinedColumns {
  const tables = new ColonyTables((text) => log.warn(text));
  const inputs = [...new Set(images.map(({ input }) => input))];
  const folders = new Set(inputs.filter((input) => statSync(input).isDirectory()));
  const roots = new Map(inputs.map((input) => [input, searchRoot(input, folders.has(input))]));
  let rows: Record<string, string>[] = images.map(({ file, input }) => ({
    ...tables.find(file, roots.get(input) ?? input),
  }));
  for (const note of tables.unmatched([...folders])) log.warn(note);
  let columns: string[] = tables.any ? [...colonyColumns] : [];
  if (plate === null) return { columns, rows };
  if (!tables.any) {
    columns = ["well", "time"];
    rows = images.map(({ file }) => fromName(file));
    if (rows.some(({ well }) => well))
      log.info(`${plate.file}: there is no colonies.csv; wells are read from file names`);
  }
  if (!rows.some(({ well }) => well))
    throw new UserError(
      `--plate ${plate.file}: no image has a well: no colonies.csv (of "equipoise detect") lies beside the images or above them, ` +
        `and no file name begins with a well such as A01_t07`,
    );
  return { columns: [...columns, ...plate.columns], rows: withPlate(rows, plate, (text) => log.warn(text)) };
}

function withPlate(rows: readonly Record<string, string>[], plate: PlateMap, warn: (text: string) => void) {
  const unknown = new Set<string>();
  const met = new Set<string>();
  const joined = rows.map((row) => {
    if (!row.well) return row;
    const key = wellKey(row.well);
    const facts = plate.wells.get(key);
    if (facts) met.add(key);
    else unknown.add(key);
    return { ...row, ...facts };
  });
  if (unknown.size > 0)
    warn(
      `${plate.file}: ${unknown.size} well(s) of the images have no row, so their columns stay empty: ${someOf([...unknown].sort(), 12)}`,
    );
  const absent = [...plate.wells.keys()].filter((well) => !met.has(well));
  if (absent.length > 0) warn(`${plate.file}: no image is of well(s) ${someOf(absent.sort(), 12)}`);
  return joined;
}

/** Well and time by the file's name, where it begins with a well of a plate. */
function fromName(file: string): Record<string, string> {
  const { well, time } = wellTime(file.replace(/\.[^./\\]+$/, ""), null);
  return /^[A-P]\d{1,2}$/.test(well) ? { well, time } : {};
}
