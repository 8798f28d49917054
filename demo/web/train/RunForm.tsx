import { deviceReady } from "../state.js";
import { lengths, type TrainChoice } from "../worker/train/choice.js";
import { isIdle, start, status, trainChoice } from "./run.js";
import { classes, counts, unlabelledCount } from "./session.js";

const methods: Readonly<Record<TrainChoice["method"], string>> = {
  ipb: "iterative pseudo balancing (teacher and student)",
  labels: "the labelled images alone",
};
const networks: Readonly<Record<TrainChoice["network"], string>> = {
  "vgg-compact": "vgg-compact, width 1/8 (fastest)",
  vgg19: "VGG19, width 1/8",
};

const lengthNames: Readonly<Record<TrainChoice["length"], string>> = {
  trial: "a trial of a few steps, to see how fast it is",
  short: "short",
  normal: "normal",
  long: "long",
};

/** What is trained, and how long. */
export function RunForm() {
  const choice = trainChoice.value;
  const set = (change: Partial<TrainChoice>) => {
    trainChoice.value = { ...choice, ...change };
  };
  const missing = whatIsMissing(choice);
  const steps = lengths[choice.length];
  return (
    <form
      class="run-form"
      onSubmit={(event) => {
        event.preventDefault();
        start(choice);
      }}
    >
      <h2>Training</h2>
      <Choice name="Learn from" value={choice.method} values={methods} onChoose={(method) => set({ method })} />
      <Choice name="Network" value={choice.network} values={networks} onChoose={(network) => set({ network })} />
      <Choice name="Length" value={choice.length} values={lengthNames} onChoose={(length) => set({ length })} />
      <p class="muted small">
        {steps.pretrain} steps of 16 images on the labels
        {choice.method === "ipb" && `, ${steps.train} steps with teacher and student`}, {steps.finetune} of fine-tuning.
        How long that takes on your GPU is measured in the first steps. {splitText()}
      </p>
      <details class="more">
        <summary>Further options</summary>
        <label>
          One option a line, as of the command's <code>--set</code>: <code>patch.size=32</code>, <code>batch=8</code>
          <textarea
            rows={3}
            spellcheck={false}
            value={choice.more}
            onInput={(event) => set({ more: event.currentTarget.value })}
          />
        </label>
      </details>
      {missing && <p class="warning">{missing}</p>}
      <div class="buttons">
        <button type="submit" class="primary" disabled={!isIdle.value || !deviceReady.value || missing !== null}>
          Train
        </button>
        {status.value.run && isIdle.value && <span class="muted small">It takes the place of the run below.</span>}
      </div>
    </form>
  );
}

interface ChoiceProps<T extends string> {
  readonly name: string;
  readonly value: T;
  readonly values: Readonly<Record<T, string>>;
  readonly onChoose: (value: T) => void;
}

function Choice<T extends string>({ name, value, values, onChoose }: ChoiceProps<T>) {
  return (
    <label class="choice">
      {name}{" "}
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value as T)}>
        {Object.entries<string>(values).map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** How the images are divided. */
function splitText(): string {
  return unlabelledCount.value === 0
    ? "All images are labelled: a fifth is kept for the test, a quarter keeps its labels, and those of the rest are hidden from the training, to see what the method makes of them."
    : "A fifth of the labelled images is kept for the test, a fifth of the rest chooses the best student.";
}

/** Fewest labelled images of a class: one each to train on, to choose by, and to test on; or one for each fold. */
function whatIsMissing({ method }: TrainChoice): string | null {
  const least = unlabelledCount.value === 0 ? 5 : 3;
  const used = classes.value.filter((_, i) => (counts.value[i] ?? 0) > 0);
  if (used.length < 2) return `Label ${least} images or more of two classes or more.`;
  const few = used.filter((name) => (counts.value[classes.value.indexOf(name)] ?? 0) < least);
  if (few.length > 0)
    return `Label ${least} images or more of each class: ${few.join(", ")} ${few.length === 1 ? "has" : "have"} fewer.`;
  return method === "ipb" && unlabelledCount.value > 0 && unlabelledCount.value < 16
    ? "There are fewer than 16 images without a label: add images, or learn from the labelled images alone."
    : null;
}
