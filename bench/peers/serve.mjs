/**
 * The engine's side of a benchmark: one process per engine answers requests of `bench/run/process.ts`, one JSON object per
 * line on stdin, one answer per request on stdout, led by `MARK` because libraries print on stdout too.
 *
 *   open     { adapter }                     -> { adapter, driver, version }
 *   prepare  { spec, inputs, output }        -> { info } after the result was written to `output`, or { unsupported }
 *   run      { calls }                       -> { ms, hostMs }: all calls and one wait for the GPU; hostMs without the wait
 *   finish   {}                              -> { info }
 *   close    {}                              -> the process ends
 *
 * Inputs and outputs are files of little-endian f32, row-major, images NHWC, convolution weights [KH,KW,I,O].
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

export const MARK = "@bench ";

/**
 * @typedef {object} Spec
 * @property {string} name
 * @property {string} kind
 * @property {Record<string, number>} sizes
 * @property {Record<string, readonly number[]>} inputs shapes by name
 * @property {string} [model] of an IPB step
 *
 * @typedef {Record<string, Float32Array<ArrayBuffer>>} Inputs
 *
 * @typedef {object} Prepared
 * @property {() => void | Promise<void>} run one call of what is timed
 * @property {() => Promise<void>} sync waits until the GPU has done all calls
 * @property {() => Promise<Float32Array>} output logical values of the result, in the layout of the protocol
 * @property {() => Record<string, unknown> | Promise<Record<string, unknown>>} [finish] frees memory and says what else is known
 *
 * @typedef {object} Engine
 * @property {(request: { adapter: string | null }) => Promise<{ adapter: string, driver: string, version: string }>} open
 * @property {Record<string, (spec: Spec, inputs: Inputs) => Promise<Prepared>>} kinds how each kind of case is prepared
 * @property {() => void | Promise<void>} [close]
 */

/** An engine cannot do a case, for a reason that is no failure. */
export class Unsupported extends Error {}

/**
 * Answers requests until it is told to close or stdin ends.
 * @param {Engine} engine
 */
export async function serve(engine) {
  const print = process.stdout.write.bind(process.stdout);
  console.log = console.info = console.warn = console.error;
  /** @type {Prepared | null} */
  let prepared = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (request.op === "close") break;
    let answer;
    try {
      if (request.op === "open") answer = await engine.open(request);
      else if (request.op === "prepare") {
        prepared = await prepare(engine, request);
        answer = {};
      } else if (!prepared) throw new Error(`"${request.op}" before "prepare"`);
      else if (request.op === "run") answer = await run(prepared, request.calls);
      else {
        answer = { info: (await prepared.finish?.()) ?? {} };
        prepared = null;
      }
    } catch (error) {
      prepared = request.op === "prepare" ? null : prepared;
      const { message, stack } = /** @type {Error} */ (error);
      answer = error instanceof Unsupported ? { unsupported: message } : { error: message, stack };
    }
    print(`${MARK}${JSON.stringify(answer)}\n`);
  }
  await engine.close?.();
}

/**
 * @param {Engine} engine
 * @param {{ spec: Spec, inputs: Record<string, string>, output: string | null }} request
 * @returns {Promise<Prepared>} after one call whose result was written
 */
async function prepare(engine, { spec, inputs, output }) {
  const make = engine.kinds[spec.kind];
  if (!make) throw new Unsupported(`has no ${spec.kind}`);
  const values = Object.fromEntries(Object.entries(inputs).map(([name, file]) => [name, readFloats(file)]));
  const prepared = await make(spec, values);
  if (output) {
    await prepared.run();
    await prepared.sync();
    const result = await prepared.output();
    writeFileSync(output, new Uint8Array(result.buffer, result.byteOffset, result.byteLength));
  }
  return prepared;
}

/**
 * @param {Prepared} prepared
 * @param {number} calls
 */
async function run(prepared, calls) {
  const begin = performance.now();
  for (let i = 0; i < calls; i++) {
    const pending = prepared.run();
    if (pending) await pending;
  }
  const recorded = performance.now();
  await prepared.sync();
  return { ms: performance.now() - begin, hostMs: recorded - begin };
}

/** @param {string} file @returns {Float32Array<ArrayBuffer>} */
function readFloats(file) {
  const bytes = readFileSync(file);
  const floats = new Float32Array(bytes.byteLength / 4);
  new Uint8Array(floats.buffer).set(bytes);
  return floats;
}
