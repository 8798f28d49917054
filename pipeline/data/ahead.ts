/**
 * Runs asynchronous jobs ahead of their use: while the caller works on one result, up to `depth` further jobs are under way.
 * Results come in the order of `jobs`; jobs are started from it one by one, so it may be endless.
 *
 * @throws what a job rejects with, when its turn comes; rejections of jobs that nobody waits for any more are dropped
 */
export async function* ahead<T>(jobs: Iterable<() => Promise<T>>, depth: number): AsyncGenerator<T, void, void> {
  const iterator = jobs[Symbol.iterator]();
  const queue: Promise<T>[] = [];
  const fill = () => {
    while (queue.length <= depth) {
      const next = iterator.next();
      if (next.done) return;
      const result = next.value();
      result.catch(() => undefined); // seen again when its turn comes
      queue.push(result);
    }
  };
  try {
    for (fill(); queue.length > 0; fill()) yield await queue.shift()!;
  } finally {
    iterator.return?.();
  }
}
