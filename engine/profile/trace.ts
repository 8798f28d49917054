import { workgroupSize } from "./hints.js";
import type { ProfiledStep } from "./profiler.js";

/** An event of the Trace Event Format (Chrome's `about:tracing`, Perfetto); times in microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "M" | "C";
  readonly pid: number;
  readonly tid?: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

export interface Trace {
  readonly displayTimeUnit: "ms";
  readonly otherData: Readonly<Record<string, string>>;
  readonly traceEvents: readonly TraceEvent[];
}

const pid = 1;
const hostTrack = 1;
const gpuTrack = 2;

/**
 * A profiled step as two tracks, host and GPU, and a counter of the tensors' bytes. The two clocks have no common zero: the GPU's
 * last dispatch is set to end when the host saw the step end.
 */
export function trace(step: ProfiledStep, facts: Readonly<Record<string, string>>): Trace {
  const end = step.wallMs * 1000;
  const gpuBegin = Math.max(0, end - step.spanNs / 1000);
  const events: TraceEvent[] = [
    named("process_name", "Equipoise"),
    named("thread_name", "host: op to command", hostTrack),
    named("thread_name", step.timing === "host" ? "GPU: one by one (host timing)" : "GPU", gpuTrack),
  ];
  for (const record of step.records) {
    const { kernel, params, grid, constants } = record.dispatch;
    const { name, file } = kernel;
    const args = { file, order: record.order, grid: grid.join("x"), constants, params };
    const took = record.hostTookMs * 1000;
    const at = record.hostMs * 1000;
    events.push({ name, ph: "X", pid, tid: hostTrack, ts: at - took, dur: took, cat: "host", args });
    events.push({ name: "tensors, bytes", ph: "C", pid, ts: at, args: { live: record.liveBytes } });
    const workgroup = workgroupSize(kernel, constants).join("x");
    const ts = gpuBegin + record.beginNs / 1000;
    events.push({
      name,
      ph: "X",
      pid,
      tid: gpuTrack,
      ts,
      dur: record.ns / 1000,
      cat: "gpu",
      args: { ...args, workgroup },
    });
  }
  const wait = step.recordMs * 1000;
  events.push({ name: "wait for the GPU", ph: "X", pid, tid: hostTrack, ts: wait, dur: end - wait, cat: "host" });
  return { displayTimeUnit: "ms", otherData: facts, traceEvents: events };
}

function named(name: string, text: string, tid?: number): TraceEvent {
  return { name, ph: "M", pid, ...(tid === undefined ? {} : { tid }), args: { name: text } };
}
