import { reportOf } from "../../../../pipeline/report/report.js";
import type { ReportSource } from "../../../../pipeline/report/source.js";
import { dataFolder, type LabelledSet, pageData } from "./images.js";

/** What a run of the page is called: its ZIP file unpacks to a folder of that name, whose report is the same. */
const name = "equipoise-run";

/** What a report is made from: the run's files and its images. */
export interface ReportedRun {
  readonly store: ReportSource["files"];
  readonly set: LabelledSet;
}

/**
 * The report of a run as it stands: what `equipoise report` makes of its ZIP file. In a worker alone: elsewhere ECharts would measure texts
 * with the fonts of the machine.
 */
export function reportRun({ store, set }: ReportedRun): Promise<string> {
  const { dataset, images } = pageData(set);
  const byFile = new Map(dataset.images.map(({ file }, i) => [file, images[i]?.image]));
  // As in a folder: images lie in it or in "images" below it. A name that a spreadsheet would run as a formula has "./" in front.
  const find = (named: string) => {
    const file = named.replace(/^\.\//, "");
    return byFile.get(`${dataFolder}/images/${file}`) ?? byFile.get(`${dataFolder}/${file}`);
  };
  return reportOf({
    name,
    place: name,
    files: store,
    images: (place) => ({
      place,
      has: (file) => find(file) !== undefined,
      read: async (file) => find(file) ?? null,
    }),
  });
}
