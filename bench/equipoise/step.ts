import type { Device } from "../../engine/index.js";
import type { Inputs, Prepared, Spec } from "../peers/serve.mjs";
import { minimumBytes } from "./memory.js";
import { TrainingStep } from "./net.js";

/** The training step, with what its record says besides the time: memory, dispatches, submits. */
export async function prepareStep(device: Device, spec: Spec, values: Inputs): Promise<Prepared> {
  const before = device.memory.live;
  device.pool.resetPeak();
  const step = new TrainingStep(device, spec, values);
  await step.compile();
  const checked = spec.sizes.checked as number;
  const history = device.zeros([checked], "losses");
  let done = 0;
  // Counting begins behind the steps whose losses are kept: keeping one is a copy of its own.
  let counted = { ...device.counters, calls: done };
  const run = () => {
    if (done === checked) counted = { ...device.counters, calls: done };
    step.run();
    if (done < checked) device.copyRange(step.loss, 0, history, 4 * done, 4);
    done++;
  };
  run();
  await device.sync();
  const peakBytes = device.memory.peak - before;
  return {
    run,
    sync: () => device.sync(),
    output: async () => {
      while (done < checked) run();
      return device.read(history);
    },
    finish: () => {
      const { submits, bindGroups, pipelines } = device.counters;
      const calls = Math.max(1, done - counted.calls);
      const info = {
        peakBytes,
        minimumBytes: minimumBytes(spec),
        dispatches: step.dispatches,
        submitsPerStep: (submits - counted.submits) / calls,
        madeWhileTimed: bindGroups + pipelines - counted.bindGroups - counted.pipelines,
      };
      step.release();
      device.release(history);
      return info;
    },
  };
}

/** The time from an open device to the end of the first step, for a process that has done nothing before. */
export async function prepareFirstStep(device: Device, spec: Spec, values: Inputs): Promise<Prepared> {
  let step: TrainingStep | null = null;
  return {
    run: async () => {
      step = new TrainingStep(device, spec, values);
      await step.compile();
      step.run();
      await device.sync();
    },
    sync: () => device.sync(),
    output: () => device.read((step as TrainingStep).loss),
    finish: () => {
      step?.release();
      return {};
    },
  };
}
