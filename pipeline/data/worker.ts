/** Thread that decodes images and cuts patches for `PatchLoader` (loader.ts). */
import { parentPort, workerData } from "node:worker_threads";
import { lowerThreadPriority } from "../../engine/courtesy.js";
import { answerRequests } from "../thread.js";
import { type ImageFiles, pictureFiles } from "./files.js";
import { type PackedPatches, PatchReader, type PatchRequest, type ReaderOptions } from "./reader.js";

export interface WorkerSetup {
  images: ImageFiles[];
  options: ReaderOptions;
  /** Leave the cores to the adapter, which computes on the CPU. */
  yielding: boolean;
}

if (parentPort !== null) {
  const { images, options, yielding } = workerData as WorkerSetup;
  if (yielding) lowerThreadPriority();
  const reader = new PatchReader(pictureFiles(images), options);
  answerRequests<PatchRequest, PackedPatches>(
    parentPort,
    (request) => reader.read(request),
    ({ ys, xs, pixels }) => [ys.buffer, xs.buffer, pixels.buffer],
  );
}
