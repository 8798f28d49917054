/** How well a detection agrees with the truth: objects found and masks, image by image and over all of them. */

export interface ScoreOptions {
  /** True pieces of fewer pixels need not be found; finding them is no error either. */
  readonly minSize: number;
  /** Least intersection over union of a detected object and the true one it counts for. */
  readonly iou: number;
}

export const scoreDefaults: ScoreOptions = { minSize: 2000, iou: 0.5 };

/** Counts of one image. Objects are 8-connected; true ones also have one id. */
export interface ImageScore {
  /** True objects that must be found. */
  readonly truth: number;
  /** Detected objects, without those that lie mostly on true pieces below the least size. */
  readonly detected: number;
  /** Intersection over union of the matched pairs, one to one; so their number is that of the objects found. */
  readonly ious: readonly number[];
  /** True objects not found because most of one lies in a detected object that holds most of another as well. */
  readonly merged: number;
  /** True pieces below the least size. */
  readonly small: number;
  /** Pixels in both masks, and in either. */
  readonly intersection: number;
  readonly union: number;
  /** Objects to be found and found, by the id of the truth. */
  readonly found: ReadonlyMap<number, { readonly truth: number; readonly matched: number }>;
}

interface Labels {
  /** Of each pixel, from 1; 0 is none. */
  readonly of: Int32Array;
  /** By label. */
  readonly areas: number[];
  readonly ids: number[];
}

/** 8-connected pieces of equal values above 0. */
function label(values: Uint8Array, w: number): Labels {
  const of = new Int32Array(values.length);
  const queue = new Int32Array(values.length);
  const [areas, ids] = [[0], [0]];
  for (let start = 0; start < values.length; start++) {
    if (values[start] === 0 || of[start] !== 0) continue;
    ids.push(values[start]!);
    areas.push(fill(values, of, queue, w, start, areas.length));
  }
  return { of, areas, ids };
}

function fill(values: Uint8Array, of: Int32Array, queue: Int32Array, w: number, start: number, name: number): number {
  const value = values[start];
  let [head, tail] = [0, 1];
  queue[0] = start;
  of[start] = name;
  while (head < tail) {
    const at = queue[head++]!;
    const x = at % w;
    const [left, right] = [x > 0 ? -1 : 0, x < w - 1 ? 1 : 0];
    for (let row = at - w; row <= at + w; row += w) {
      if (row < 0 || row >= values.length) continue;
      for (let to = row + left; to <= row + right; to++) {
        if (of[to] !== 0 || values[to] !== value) continue;
        of[to] = name;
        queue[tail++] = to;
      }
    }
  }
  return tail;
}

/** A true and a detected object that share pixels. */
interface Pair {
  readonly truth: number;
  readonly detected: number;
  readonly shared: number;
  readonly iou: number;
}

function pairs(truth: Labels, detected: Labels): Pair[] {
  const shared = new Map<number, number>();
  const columns = detected.areas.length;
  for (let i = 0; i < truth.of.length; i++) {
    if (truth.of[i] === 0 || detected.of[i] === 0) continue;
    const key = truth.of[i]! * columns + detected.of[i]!;
    shared.set(key, (shared.get(key) ?? 0) + 1);
  }
  return [...shared].map(([key, count]) => {
    const [t, d] = [Math.floor(key / columns), key % columns];
    return { truth: t, detected: d, shared: count, iou: count / (truth.areas[t]! + detected.areas[d]! - count) };
  });
}

/** Best pairs first, each object once. */
function match(candidates: readonly Pair[], least: number): Pair[] {
  const [truths, detections] = [new Set<number>(), new Set<number>()];
  return candidates
    .filter((pair) => pair.iou >= least)
    .toSorted((a, b) => b.iou - a.iou)
    .filter(({ truth, detected }) => {
      if (truths.has(truth) || detections.has(detected)) return false;
      truths.add(truth);
      detections.add(detected);
      return true;
    });
}

/** True objects, none of them matched, that share their detected object with another one: over half of each lies in it. */
function countMerged(all: readonly Pair[], truth: Labels, matched: ReadonlySet<number>): number {
  const held = new Map<number, number[]>();
  for (const { truth: t, detected, shared } of all)
    if (2 * shared > truth.areas[t]!) held.set(detected, [...(held.get(detected) ?? []), t]);
  return [...held.values()].filter((list) => list.length > 1).flatMap((list) => list.filter((t) => !matched.has(t)))
    .length;
}

/**
 * Compares a detected mask with the truth.
 * @param ids w * h, the true colony of each pixel or 0; a mask of 0 and 255 will do where colonies do not touch
 * @param mask w * h, not 0 in detected colonies
 * @throws RangeError when the sizes differ
 */
export function scoreMask(
  ids: Uint8Array,
  mask: Uint8Array,
  w: number,
  { minSize, iou }: ScoreOptions = scoreDefaults,
): ImageScore {
  if (ids.length !== mask.length) throw new RangeError(`score: ${mask.length} pixels for a truth of ${ids.length}`);
  const truth = label(ids, w);
  const detected = label(
    mask.map((value) => (value === 0 ? 0 : 255)),
    w,
  );
  const all = pairs(truth, detected);
  const due = truth.areas.map((area, t) => t > 0 && area >= minSize);
  const wanted = all.filter((pair) => due[pair.truth]);
  const matches = match(wanted, iou);
  const matched = new Set(matches.map((pair) => pair.truth));
  const hits = new Set(matches.map((pair) => pair.detected));
  const onSmall = detected.areas.map(() => 0);
  for (const pair of all) if (!due[pair.truth]) onSmall[pair.detected]! += pair.shared;
  const excused = onSmall.filter((count, d) => !hits.has(d) && 2 * count > detected.areas[d]!).length;
  const found = new Map<number, { truth: number; matched: number }>();
  due.forEach((is, t) => {
    const before = found.get(truth.ids[t]!) ?? { truth: 0, matched: 0 };
    if (is) found.set(truth.ids[t]!, { truth: before.truth + 1, matched: before.matched + (matched.has(t) ? 1 : 0) });
  });
  const intersection = all.reduce((sum, pair) => sum + pair.shared, 0);
  const sum = ({ areas }: Labels) => areas.reduce((total, area) => total + area, 0);
  const objects = due.filter(Boolean).length;
  return {
    truth: objects,
    detected: detected.areas.length - 1 - excused,
    ious: matches.map((pair) => pair.iou),
    merged: countMerged(wanted, truth, matched),
    small: truth.areas.length - 1 - objects,
    intersection,
    union: sum(truth) + sum(detected) - intersection,
    found,
  };
}

/** Of all images together. A share of nothing is null. */
export interface TotalScore {
  readonly images: number;
  readonly truth: number;
  readonly detected: number;
  readonly matched: number;
  readonly merged: number;
  readonly small: number;
  /** Matched over true objects. */
  readonly recall: number | null;
  /** Matched over detected objects. */
  readonly precision: number | null;
  /** Mean intersection over union of the matched objects. */
  readonly objectIou: number | null;
  /** Mean over the images of the masks' intersection over union; two empty masks agree. */
  readonly maskIou: number | null;
}

export function totalScore(scores: readonly ImageScore[]): TotalScore {
  const sum = (of: (score: ImageScore) => number) => scores.reduce((total, score) => total + of(score), 0);
  const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  const [truth, detected, matched] = [sum((s) => s.truth), sum((s) => s.detected), sum((s) => s.ious.length)];
  return {
    images: scores.length,
    truth,
    detected,
    matched,
    merged: sum((s) => s.merged),
    small: sum((s) => s.small),
    recall: share(matched, truth),
    precision: share(matched, detected),
    objectIou: share(
      sum((s) => s.ious.reduce((total, value) => total + value, 0)),
      matched,
    ),
    maskIou: share(
      sum((s) => (s.union === 0 ? 1 : s.intersection / s.union)),
      scores.length,
    ),
  };
}
