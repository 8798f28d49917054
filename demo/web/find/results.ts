import { coloniesCsv } from "../../../pipeline/detect/table.js";
import { download } from "../shared/downloads.js";
import { showProblem } from "../state.js";
import { api } from "../worker/client.js";
import type { Well } from "./wells.js";

/** Downloads of what was found: the files that `equipoise detect` writes. */

/** A well as the tables have it. */
export function tableRow({ well, time, name, stem, found }: Well) {
  return { well, time, file: name, stem, colonies: found?.colonies ?? [] };
}

/** colonies.csv of all wells that were looked at. */
export function downloadTable(wells: readonly Well[]): void {
  download("colonies.csv", coloniesCsv(wells.filter(({ found }) => found).map(tableRow)), "text/csv;charset=utf-8");
}

/** The mask of one well: 255 in colonies, else 0. */
export function downloadMask({ stem, found, width, height }: Well): Promise<void> {
  return attempt("Writing the mask", async () => {
    if (!found) return;
    download(`${stem}_mask.png`, await api.find.png(found.mask, width, height), "image/png");
  });
}

/** Everything, as the folder that `equipoise train` reads. */
export function downloadZip(wells: readonly Well[]): Promise<void> {
  return attempt("Writing the ZIP file", async () => {
    const results = wells.flatMap((well) => {
      const { found, grey: pixels, width: w, height: h } = well;
      return found ? [{ ...tableRow(well), pixels, w, h, mask: found.mask }] : [];
    });
    download("colonies.zip", await api.find.zip(results), "application/zip");
  });
}

async function attempt(doing: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    showProblem(doing, error);
  }
}
