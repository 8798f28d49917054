import { effect } from "@preact/signals";
import { Progress } from "../shared/Progress.js";
import { deviceReady, deviceStatus, network, section } from "../state.js";
import type { InsideRequest } from "../worker/insideService.js";
import { AdapterFacts } from "./AdapterFacts.js";
import { KernelTable } from "./KernelTable.js";
import { Roofline } from "./Roofline.js";
import { Summary } from "./Summary.js";
import { TunePanel } from "./TunePanel.js";
import { countKept, tuning } from "./tuning.js";
import { choice, describeAdapter, loseDevice, measure, profile, progress, stop } from "./work.js";

// Asked when the section is first looked at, and again when the device is a new one.
effect(() => {
  if (section.value !== "inside" || deviceStatus.value.state !== "ready") return;
  void describeAdapter();
  void countKept();
});

const steps: readonly (readonly [InsideRequest["step"], string])[] = [
  ["train", "Training step (forward, backward, update)"],
  ["ipb", "Teacher and student step of Iterative Pseudo Balancing"],
  ["predict", "Prediction"],
];
const batches = [8, 16, 32, 64];

/** Inside: what a step costs, kernel by kernel, on this adapter. */
export function InsideSection() {
  const document = profile.value;
  return (
    <>
      <p>
        How long each GPU kernel of one step takes on this machine, and how near it comes to what the adapter can do.
        The images of the step are noise: what a kernel costs does not depend on what they show.
      </p>
      <ChoiceForm />
      {progress.value && <Progress label={progress.value.doing} done={progress.value.share} onCancel={stop} />}
      {document && (
        <>
          <Summary document={document} />
          <Roofline document={document} />
          <KernelTable document={document} />
        </>
      )}
      <TunePanel />
      <AdapterFacts />
      <h2>When the GPU is lost</h2>
      <p>
        Drivers reset, laptops change their graphics processor, systems sleep: then a page loses its GPU with everything
        on it. This button does the same; the page opens the GPU again, and training goes on from its last checkpoint.
      </p>
      <button type="button" disabled={!deviceReady.value} onClick={loseDevice}>
        Lose the GPU now
      </button>
    </>
  );
}

function ChoiceForm() {
  const { step, network: name, batch } = choice.value;
  const loaded = network.value;
  const set = (part: Partial<typeof choice.value>) => {
    choice.value = { ...choice.value, ...part };
  };
  return (
    <form
      class="inside-form"
      onSubmit={(event) => {
        event.preventDefault();
        void measure();
      }}
    >
      <label>
        Step
        <select value={step} onChange={(event) => set({ step: event.currentTarget.value as typeof step })}>
          {steps.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        Network
        <select value={name} onChange={(event) => set({ network: event.currentTarget.value as typeof name })}>
          <option value="compact">compact VGG, 1/8 of the width, 32 px</option>
          <option value="vgg19">VGG-19, 1/8 of the width, 64 px</option>
          <option value="hrnet">HRNet small, 1/4 of the width, 64 px</option>
          {loaded && <option value="loaded">the one that is loaded: {loaded.name}</option>}
        </select>
      </label>
      <label>
        Images per step
        <select value={batch} onChange={(event) => set({ batch: Number(event.currentTarget.value) })}>
          {batches.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      <button
        type="submit"
        class="primary"
        disabled={!deviceReady.value || progress.value !== null || tuning.value !== null}
      >
        Measure
      </button>
    </form>
  );
}
