/** Tests between configurations: every pair or all against one, on one metric or several, corrected as one family. */
import { type Entry, type TestedMetric, valuesOf } from "./entries.js";
import { type GapShare, gapShare } from "./gap.js";
import { holm, mean, pairedTTest, type TestOutcome, unpairedTTest, wilcoxonTest } from "./tests.js";

/** A test of two configurations; p as it is and after Holm's correction over all comparisons by the same test. */
export type CorrectedTest = TestOutcome & { corrected: number | null };

export const testNames = ["student", "paired", "wilcoxon"] as const;
type TestName = (typeof testNames)[number];

export interface TestedPair extends Record<TestName, CorrectedTest> {
  a: string;
  b: string;
  metric: TestedMetric;
  /** Mean of a minus mean of b. */
  difference: number | null;
  /** Pairs of the same fold and seed. */
  pairs: number;
}

/**
 * Compares entries on each metric. All p-values of one kind of test are one family for Holm's correction.
 * @param against compare with the entries of this configuration only
 */
export function compareEntries(
  entries: readonly Entry[],
  metrics: readonly TestedMetric[],
  against: string | null,
): TestedPair[] {
  const raw = metrics.flatMap((metric) => pairsOf(entries, against).map(([a, b]) => compare(a, b, metric)));
  const corrected = Object.fromEntries(testNames.map((test) => [test, holm(raw.map((one) => one[test].p))]));
  return raw.map((one, i) => ({ ...one, ...correctedTests(one, (test) => corrected[test]?.[i] ?? null) }));
}

function correctedTests(raw: Record<TestName, TestOutcome>, p: (test: TestName) => number | null) {
  const { student, paired, wilcoxon } = raw;
  return {
    student: { ...student, corrected: p("student") },
    paired: { ...paired, corrected: p("paired") },
    wilcoxon: { ...wilcoxon, corrected: p("wilcoxon") },
  };
}

/**
 * Like with like, student with student; the networks of a configuration with each other where they are shown; and where all are compared
 * with one that has no such network (a supervised one has no teacher), with its student.
 */
function pairsOf(entries: readonly Entry[], against: string | null): [Entry, Entry][] {
  const has = (configuration: string, network: Entry["network"]) =>
    entries.some((entry) => entry.configuration === configuration && entry.network === network);
  const standsIn = (a: Entry, b: Entry) =>
    a.configuration === against && a.network === "student" && !has(a.configuration, b.network);
  return entries.flatMap((a, i) =>
    entries.slice(i + 1).flatMap((b): [Entry, Entry][] => {
      if (a.configuration === b.configuration) return [[a, b]];
      if (a.network !== b.network && !standsIn(a, b) && !standsIn(b, a)) return [];
      if (against === null || b.configuration === against) return [[a, b]];
      return a.configuration === against ? [[b, a]] : [];
    }),
  );
}

function compare(a: Entry, b: Entry, metric: TestedMetric) {
  const [left, right] = [valuesOf(a, metric), valuesOf(b, metric)];
  const pairs = [...left].flatMap(([key, value]) => {
    const partner = right.get(key);
    return partner === undefined ? [] : [[value, partner] as const];
  });
  const [ours, theirs] = [[...left.values()], [...right.values()]];
  return {
    a: a.label,
    b: b.label,
    metric,
    difference: ours.length > 0 && theirs.length > 0 ? mean(ours) - mean(theirs) : null,
    pairs: pairs.length,
    student: unpairedTTest(ours, theirs),
    paired: pairedTTest(pairs),
    wilcoxon: wilcoxonTest(pairs),
  };
}

/** Share of the gap between two configurations that another closes, on one metric. */
export interface ClosedGap extends GapShare {
  configuration: string;
  metric: TestedMetric;
}

/** Every entry but the ends, on each metric; the ends are entries of the same network. */
export function closedGaps(
  entries: readonly Entry[],
  metrics: readonly TestedMetric[],
  { lower, upper }: { lower: string; upper: string },
): ClosedGap[] {
  return metrics.flatMap((metric) =>
    entries
      .filter(({ configuration }) => configuration !== lower && configuration !== upper)
      .map((entry) => {
        const end = (name: string) => endOf(entries, name, entry);
        const [low, high] = [valuesOf(end(lower), metric), valuesOf(end(upper), metric)];
        const triples = [...valuesOf(entry, metric)].flatMap(([key, value]) => {
          const [from, to] = [low.get(key), high.get(key)];
          return from === undefined || to === undefined ? [] : [{ value, lower: from, upper: to }];
        });
        return { configuration: entry.label, metric, ...gapShare(triples) };
      }),
  );
}

/** The end with the same network, or (a supervised one has no teacher) its student. */
function endOf(entries: readonly Entry[], configuration: string, { network }: Entry): Entry {
  const ends = entries.filter((entry) => entry.configuration === configuration);
  return (ends.find((entry) => entry.network === network) ?? ends[0]) as Entry;
}
