/**
 * A vitest reporter for people and machines: why tests were skipped, one line a reason, and as the last line
 * `N passed, N failed` (`, N skipped` when any), from the runner's own results.
 */

/** @import { Reporter, TestModule } from "vitest/node" */
/**
 * @typedef {{ passed: number, failed: number, skipped: Map<string, number> }} Counts skipped: number of tests by reason
 * @typedef {Pick<TestModule, "children" | "errors">} Module
 */

/** @implements {Reporter} */
export default class SummaryReporter {
  /**
   * @param {ReadonlyArray<TestModule>} modules
   * @param {ReadonlyArray<unknown>} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    process.stdout.write(`${summary(countTests(modules, unhandledErrors.length)).join("\n")}\n`);
  }
}

/**
 * Counts the tests of a run. A file that does not load, a suite whose hooks fail and an error outside any test count as
 * one failure each, so that the line never says 0 failed for a run that failed.
 * @param {ReadonlyArray<Module>} modules
 * @param {number} unhandledErrors
 * @returns {Counts}
 */
export function countTests(modules, unhandledErrors) {
  /** @type {Counts} */
  const counts = { passed: 0, failed: unhandledErrors, skipped: new Map() };
  for (const module of modules) {
    if (module.errors().length > 0) counts.failed++;
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) counts.failed++;
    }
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") counts.passed++;
      else if (result.state === "failed") counts.failed++;
      else {
        const reason = (result.state === "skipped" && result.note) || "no reason given";
        counts.skipped.set(reason, (counts.skipped.get(reason) ?? 0) + 1);
      }
    }
  }
  return counts;
}

/**
 * @param {Counts} counts
 * @returns {string[]} lines; the last one is the result
 */
export function summary({ passed, failed, skipped }) {
  const lines = [...skipped].map(([reason, count]) => `skipped ${count} ${count === 1 ? "test" : "tests"}: ${reason}`);
  const total = [...skipped.values()].reduce((sum, count) => sum + count, 0);
  return [...lines, `${passed} passed, ${failed} failed${total > 0 ? `, ${total} skipped` : ""}`];
}
