/** Thread that decodes images and cuts patches for `PatchLoader` (loader.ts). */
import { parentPort, workerData } from "node:worker_threads";
import { lowerThreadPriority } from "../../engine/courtesy.js";
import { type ImageFiles, pictureFiles } from "./files.js";
import { type PackedPatches, PatchReader, type PatchRequest, type ReaderOptions } from "./reader.js";

export interface WorkerSetup {
  images: ImageFiles[];
  options: ReaderOptions;
  /** Leave the cores to the adapter, which computes on the CPU. */
  yielding: boolean;
}

export interface WorkerRequest {
  id: number;
  request: PatchRequest;
}

/** An error crosses the thread border as name and message; the loader makes the same kind of error of it again. */
export type WorkerReply = { id: number } & ({ packed: PackedPatches } | { error: { name: string; message: string } });

async function answer(reader: PatchReader, { id, request }: WorkerRequest): Promise<WorkerReply> {
  try {
    return { id, packed: await reader.read(request) };
  } catch (error) {
    const { name, message } = error as Error;
    return { id, error: { name, message } };
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  const { images, options, yielding } = workerData as WorkerSetup;
  if (yielding) lowerThreadPriority();
  const reader = new PatchReader(pictureFiles(images), options);
  port.on("message", async (message: WorkerRequest) => {
    const reply = await answer(reader, message);
    const moved = "packed" in reply ? [reply.packed.ys.buffer, reply.packed.xs.buffer, reply.packed.pixels.buffer] : [];
    port.postMessage(reply, moved as ArrayBuffer[]);
  });
}

if (parentPort !== null) serve(parentPort);
