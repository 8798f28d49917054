import { UserError } from "../../../../engine/errors.js";

/** Name of the lock that tabs of this page share. */
const lockName = "equipoise-train";

/**
 * Does what changes the run that the browser keeps: one tab at a time, since all tabs of this page share it. Where the browser has no locks
 * there is no such check.
 * @throws UserError at once, while another tab trains
 */
export async function alone<T>(work: () => Promise<T>): Promise<T> {
  if (!navigator.locks) return work();
  return navigator.locks.request(lockName, { ifAvailable: true }, (lock) => {
    if (!lock)
      throw new UserError(
        "another tab of this page is training, and a browser keeps one run: wait until it is done, or pause it there",
      );
    return work();
  });
}
