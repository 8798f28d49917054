import type { GreyImage } from "../data/types.js";
import type { RunStore } from "../run/store.js";

/** A run to report on, wherever it is kept: in a folder, or in a page. */
export interface ReportSource {
  /** The heading of the report. */
  readonly name: string;
  /** What messages call the run. */
  readonly place: string;
  readonly files: Pick<RunStore, "nameOf" | "read">;
  /** @param root folder of the images, as environment.json of the run names it */
  images(root: string): RunImages;
}

/** The images of a run, by the names that its table of predictions has for them. */
export interface RunImages {
  /** What messages call the folder that they are in. */
  readonly place: string;
  /** Whether an image is still there. */
  has(file: string): boolean;
  /** Null where an image is gone, or cannot be read any more. */
  read(file: string): Promise<GreyImage | null>;
}
