/**
 * Does work of the worker's, and does it once more when the GPU was lost meanwhile: the worker opens another one by itself, and
 * the second attempt waits for that.
 */
export async function again<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isLost = error instanceof Error && "kind" in error && error.kind === "device-lost";
    if (!isLost) throw error;
    return work();
  }
}
