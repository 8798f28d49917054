import { useEffect, useRef, useState } from "preact/hooks";
import { ConfirmButton } from "../shared/ConfirmButton.js";
import { classColour } from "../shared/colours.js";
import { counted, formatPercent } from "../shared/format.js";
import { greyCanvas } from "../shared/picture.js";
import { type LoadedNetwork, network, section } from "../state.js";
import type { TrainImage } from "../worker/train/images.js";
import {
  addClass,
  canUndo,
  classes,
  clearLabels,
  closeSet,
  counts,
  current,
  guesses,
  label,
  mostClasses,
  removeClass,
  skip,
  sortByUncertainty,
  trainImages,
  undo,
  unlabelledCount,
} from "./session.js";

/** Labels images one by one, by buttons or by keys. */
export function Labelling() {
  useKeys();
  const at = current.value;
  const image = at === null ? null : trainImages.value[at];
  const labelled = trainImages.value.length - unlabelledCount.value;
  return (
    <div class="labelling">
      <h2>Labels</h2>
      <p role="status">
        {counted(trainImages.value.length, "image")}: {labelled} labelled, {unlabelledCount.value} without a label.
      </p>
      <div class="label-desk">
        <div class="label-image">
          {image && at !== null ? (
            <>
              <Picture image={image} />
              <p class="small muted">
                {image.name}
                {guessText(at)}
              </p>
            </>
          ) : (
            <p class="muted">Every image has a label.</p>
          )}
        </div>
        <div>
          <ClassList canLabel={image != null} />
          <NewClass />
          <div class="buttons">
            <button type="button" onClick={undo} disabled={!canUndo.value}>
              Undo <kbd>U</kbd>
            </button>
            <button type="button" onClick={skip} disabled={!image}>
              Skip <kbd>S</kbd>
            </button>
            <UncertainFirst />
            <button type="button" onClick={clearLabels} disabled={labelled === 0}>
              Clear all labels
            </button>
            <ConfirmButton label="Remove the images" sure="Remove images and labels" onConfirm={closeSet} />
          </div>
          <TrialHint />
        </div>
      </div>
    </div>
  );
}

/** What the network takes the image for. */
function guessText(image: number): string {
  const guess = guesses.value.get(image);
  if (!guess) return "";
  const share = guess.entropy / Math.log2(Math.max(2, classes.value.length));
  return `: the network says ${guess.label}, uncertainty ${formatPercent(Math.min(1, share), 0)}`;
}

function ClassList({ canLabel }: { readonly canLabel: boolean }) {
  if (classes.value.length === 0)
    return <p>Which classes are there? Name two or more, such as those that you would count by eye.</p>;
  return (
    <ul class="class-list">
      {classes.value.map((name, i) => (
        <li key={name}>
          <button
            type="button"
            class="class-button"
            style={{ borderColor: classColour(i) }}
            disabled={!canLabel}
            onClick={() => label(name)}
          >
            <kbd>{i + 1}</kbd> {name} <span class="muted">{counts.value[i]}</span>
          </button>
          {counts.value[i] === 0 && (
            <button type="button" class="plain" aria-label={`Remove class ${name}`} onClick={() => removeClass(name)}>
              ✕
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function NewClass() {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  if (classes.value.length >= mostClasses) return null;
  return (
    <form
      class="new-class"
      onSubmit={(event) => {
        event.preventDefault();
        const found = addClass(name);
        setProblem(found);
        if (found === null) setName("");
      }}
    >
      <label>
        New class <input value={name} maxLength={60} onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <button type="submit">Add</button>
      {problem && <span class="warning">{problem}</span>}
    </form>
  );
}

/** Asks the page's network which images it is least sure of. */
function UncertainFirst() {
  const known = network.value;
  if (!known || unlabelledCount.value === 0 || !isOfUse(known)) return null;
  return (
    <button type="button" onClick={() => sortByUncertainty(known.file)}>
      Most uncertain first
    </button>
  );
}

/** The network that the page brings along knows four kinds of drawn colonies: of other classes it says nothing. */
function isOfUse({ origin, classes: known }: LoadedNetwork): boolean {
  const wanted = classes.value;
  return origin !== "bundled" || (wanted.length > 0 && wanted.every((name) => known.includes(name)));
}

/** How to come to the most uncertain images, where no network knows these classes yet. */
function TrialHint() {
  const known = network.value;
  if (unlabelledCount.value === 0 || (known && isOfUse(known))) return null;
  return (
    <p class="small muted">
      Label a few of each class and train a trial: then the images that its network is least sure of can come first.
    </p>
  );
}

/** A colony, as large as the desk. */
function Picture({ image: { image, name } }: { readonly image: TrainImage }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const canvas = greyCanvas(image.pixels, image.width, image.height);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `The colony ${name}`);
    place.current?.replaceChildren(canvas);
  }, [image]);
  return <div ref={place} class="colony" />;
}

/** Keys 1 to 9 label, U takes back, S skips: while the section is shown and nothing is being typed. */
function useKeys(): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      if (section.value !== "train" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      const name = /^[1-9]$/.test(event.key) ? classes.value[Number(event.key) - 1] : undefined;
      if (name !== undefined) label(name);
      else if (event.key.toLowerCase() === "u") undo();
      else if (event.key.toLowerCase() === "s") skip();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}
