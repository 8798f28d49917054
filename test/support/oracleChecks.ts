import { type Digest, digest, digestVector, type OracleNetwork, type OracleStep } from "./oracle.js";

/**
 * Whether a network's run agrees with the reference. Every check returns the list of its failures, with both values and the
 * bound, so that a test can say `expect(checkGradients(...)).toEqual([])`. Tensors are in torch's layout and order.
 */

/** One number that is off. `actual` and `expected` differ by more than `bound`. */
export interface Failure {
  tensor: string;
  quantity: string;
  actual: number;
  expected: number;
  bound: number;
}

export type Values = ArrayLike<number>;

/** Eval logits: within 1e-4 of the largest; train logits: within 1e-3 of the largest. */
export const LOGIT_TOLERANCE = { eval: 1e-4, train: 1e-3 } as const;

/** Absolute slack for gradients whose true value is 0, on top of the reference's own rounding noise. */
const ZERO_GRADIENT_SLACK = 1e-6;

/** Digests of equal tensors differ by the order of their f64 sums only. */
const DIGEST_ROUNDING = 1e-9;

/** The run's step, 1 or 2. */
function stepOf(network: OracleNetwork, step: number): OracleStep {
  const found = network.steps.find((s) => s.step === step);
  if (!found) throw new Error(`${network.model}: no step ${step}; it has ${network.steps.map((s) => s.step)}`);
  return found;
}

/** Adds a failure unless |actual - expected| <= bound; NaN always fails. */
function compare(
  failures: Failure[],
  tensor: string,
  quantity: string,
  actual: number,
  expected: number,
  bound: number,
) {
  if (!(Math.abs(actual - expected) <= bound)) failures.push({ tensor, quantity, actual, expected, bound });
}

/**
 * Logits [batch * classes] against the reference's, within `tolerance` times the largest magnitude of the reference.
 * @param label names the logits in failures, such as "eval logits"
 */
export function checkLogits(expected: number[][], actual: Values, tolerance: number, label: string): Failure[] {
  const flat = expected.flat();
  const failures: Failure[] = [];
  compare(failures, label, "number of values", actual.length, flat.length, 0);
  const bound = tolerance * Math.max(...flat.map(Math.abs));
  flat.forEach((value, k) => {
    compare(failures, label, `[${k}]`, actual[k] ?? Number.NaN, value, bound);
  });
  return failures;
}

/**
 * Every gradient of a step. L2 and `dot` must lie within e = max(4 abs_err_l2_f32_vs_f64, 1e-5 L2) of the reference (`dot`:
 * e times the norm of r), both of its f64 and of its f32 run. A structurally zero gradient (a bias before a batch norm) is
 * compared with 0: its L2 may reach 4 times the rounding noise of the f32 run plus 1e-6. Parameters without gradient must
 * be absent from `grads` (or all zero).
 * @param slack allowed besides, as a part of each gradient's L2: see `ParityCase.slack`
 */
export function checkGradients(
  network: OracleNetwork,
  grads: ReadonlyMap<string, Values>,
  step = 1,
  slack = 0,
): Failure[] {
  const { grads: expected, params_without_grad: without } = stepOf(network, step);
  const failures = checkNames(
    Object.keys(expected),
    [...grads.keys()].filter((name) => !without.includes(name)),
  );
  for (const name of without) {
    const values = grads.get(name);
    if (values) compare(failures, name, "L2 of a parameter without gradient", digest(values).l2, 0, 0);
  }
  for (const [name, reference] of Object.entries(expected)) {
    const values = grads.get(name);
    if (!values) continue;
    const actual = digest(values);
    const noise = 4 * reference.abs_err_l2_f32_vs_f64;
    compare(failures, name, "n", actual.n, reference.n, 0);
    if (reference.structurally_zero) {
      compare(failures, name, "L2 (true value 0)", actual.l2, 0, noise + ZERO_GRADIENT_SLACK);
      continue;
    }
    for (const [run, target] of [["f64", reference.digest_f64] as const, ["f32", reference] as const]) {
      const bound = Math.max(noise, Math.max(1e-5, slack) * target.l2);
      compare(failures, name, `L2 (${run})`, actual.l2, target.l2, bound);
      compare(failures, name, `dot (${run})`, actual.dot, target.dot, bound * digest(digestVector(actual.n)).l2);
    }
  }
  return failures;
}

/**
 * Every parameter after a step, each value within e = max(4 param_max_abs_err_f32_vs_f64, 1e-6): the digest's values directly,
 * its norms and sums within what follows from e. Parameters without gradient must be unchanged.
 *
 * With `start`, the weights before step 1, each change is checked too. It is -lr (gradient + weight decay), so that its `dot` is
 * known within lr times the gradient's own bound plus f32 rounding of the weights, times the norm of r: far below e.
 */
export function checkParams(
  network: OracleNetwork,
  params: ReadonlyMap<string, Values>,
  step = 1,
  start?: ReadonlyMap<string, Values>,
  slack = 0,
): Failure[] {
  const reference = stepOf(network, step);
  const failures = checkNames(Object.keys(reference.params_after), [...params.keys()]);
  const strict = Math.max(4 * reference.param_max_abs_err_f32_vs_f64, 1e-6);
  for (const [name, expected] of Object.entries(reference.params_after)) {
    const values = params.get(name);
    if (!values) continue;
    const actual = digest(values);
    if (reference.params_without_grad.includes(name)) {
      const exact = DIGEST_ROUNDING * (1 + expected.l2);
      compare(failures, name, "L2 (unchanged)", actual.l2, expected.l2, exact);
      compare(failures, name, "dot (unchanged)", actual.dot, expected.dot, exact);
    } else {
      const bound = Math.max(strict, network.sgd.lr * slack * (reference.grads[name]?.l2 ?? 0));
      compareDigests(failures, name, actual, expected, bound);
      const before = step === 1 ? start?.get(name) : undefined;
      if (before) compareUpdate(failures, network, name, actual, digest(before), slack);
    }
  }
  return failures;
}

/** The first SGD step of one tensor, from digests alone: `dot` is linear, so the change's `dot` is known. */
function compareUpdate(
  failures: Failure[],
  network: OracleNetwork,
  name: string,
  after: Digest,
  before: Digest,
  slack: number,
): void {
  const { lr, weight_decay: decay } = network.sgd;
  const gradient = stepOf(network, 1).grads[name]!;
  const zero = gradient.structurally_zero ? ZERO_GRADIENT_SLACK : 0;
  const gradientBound = Math.max(4 * gradient.abs_err_l2_f32_vs_f64 + zero, Math.max(1e-5, slack) * gradient.l2);
  const bound = lr * gradientBound + 2 ** -23 * before.l2;
  const change = -lr * (gradient.digest_f64.dot + decay * before.dot);
  const norm = digest(digestVector(after.n)).l2;
  compare(failures, name, "dot of the change", after.dot - before.dot, change, bound * norm);
}

/** Running means and variances after a step, each value within 1e-4. `num_batches_tracked` is not looked at. */
export function checkBuffers(network: OracleNetwork, buffers: ReadonlyMap<string, Values>, step = 1): Failure[] {
  const expected = stepOf(network, step).buffers_after;
  const given = [...buffers.keys()].filter((name) => !name.endsWith("num_batches_tracked"));
  const failures = checkNames(Object.keys(expected), given);
  for (const [name, reference] of Object.entries(expected)) {
    const values = buffers.get(name);
    if (values) compareDigests(failures, name, digest(values), reference, 1e-4);
  }
  return failures;
}

/** Digests of two tensors whose values differ by at most `bound` each: what that implies for each number. */
function compareDigests(failures: Failure[], name: string, actual: Digest, expected: Digest, bound: number): void {
  const norm = Math.sqrt(expected.n) * bound;
  compare(failures, name, "n", actual.n, expected.n, 0);
  compare(failures, name, "maxabs", actual.maxabs, expected.maxabs, bound);
  compare(failures, name, "L2", actual.l2, expected.l2, norm);
  compare(failures, name, "sum", actual.sum, expected.sum, expected.n * bound);
  compare(failures, name, "dot", actual.dot, expected.dot, norm * digest(digestVector(expected.n)).l2);
  for (const part of ["first", "last"] as const) {
    expected[part].forEach((value, k) => {
      compare(failures, name, `${part}[${k}]`, actual[part][k] ?? Number.NaN, value, bound);
    });
  }
}

/** Names that are missing (expected 1, found 0) or that the reference does not have (expected 0, found 1). */
function checkNames(expected: readonly string[], actual: readonly string[]): Failure[] {
  const missing = expected.filter((name) => !actual.includes(name));
  const unknown = actual.filter((name) => !expected.includes(name));
  return [
    ...missing.map((tensor) => ({ tensor, quantity: "missing", actual: 0, expected: 1, bound: 0 })),
    ...unknown.map((tensor) => ({ tensor, quantity: "unexpected", actual: 1, expected: 0, bound: 0 })),
  ];
}
