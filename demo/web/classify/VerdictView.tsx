import { useEffect, useMemo, useRef } from "preact/hooks";
import { shownWell, type Well, wells } from "../find/wells.js";
import { classColour, classRgb } from "../shared/colours.js";
import type { Shape } from "../shared/picture.js";
import { ZoomImage } from "../shared/ZoomImage.js";
import { shown, type Verdict, verdicts } from "./results.js";

/** One image with its colonies in the colours of their classes. */
export function VerdictView({ classes }: { classes: readonly string[] }) {
  const ids = new Set(verdicts.value.map(({ well }) => well.id));
  const classified = wells.value.filter(({ id }) => ids.has(id));
  const well = classified.find(({ id }) => id === (shown.value?.well.id ?? shownWell.value)) ?? classified[0];
  const here = useMemo(() => verdicts.value.filter((one) => one.well.id === well?.id), [verdicts.value, well?.id]);
  const shapes = useMemo(() => here.map((verdict) => shapeOf(verdict, classes)), [here, classes]);
  const figure = useRef<HTMLElement>(null);
  // The list of colonies is below, and may be long.
  useEffect(() => {
    if (shown.value) figure.current?.scrollIntoView({ block: "nearest" });
  }, [shown.value]);
  if (!well) return null;
  const selected = shown.value ? here.indexOf(shown.value) : -1;
  return (
    <figure ref={figure} class="well-view">
      <ZoomImage
        key={well.id}
        label={`${well.name} with the class of each colony`}
        {...{
          width: well.width,
          height: well.height,
          grey: well.grey,
          shapes,
          selected: selected < 0 ? null : selected,
        }}
        onSelect={(index) => {
          shown.value = index === null ? null : (here[index] ?? null);
        }}
      />
      <figcaption class="buttons">
        {classified.length > 1 && <ChooseWell classified={classified} well={well} />}
        {classified.length > 1 && <span class="muted">In all {classified.length} images:</span>}
        <Legend classes={classes} />
      </figcaption>
    </figure>
  );
}

function ChooseWell({ classified, well }: { classified: readonly Well[]; well: Well }) {
  return (
    <label>
      Image{" "}
      <select
        value={well.id}
        onChange={({ currentTarget }) => {
          shown.value = null;
          shownWell.value = currentTarget.value;
        }}
      >
        {classified.map(({ id, stem }) => (
          <option key={id} value={id}>
            {stem}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Colour, name and number of colonies of each class. */
function Legend({ classes }: { classes: readonly string[] }) {
  return (
    <ul class="legend" aria-label="Classes">
      {classes.map((name, c) => (
        <li key={name}>
          <span class="swatch" style={{ background: classColour(c) }} aria-hidden="true" /> {name}:{" "}
          {verdicts.value.filter(({ predicted }) => predicted === c).length}
        </li>
      ))}
    </ul>
  );
}

function shapeOf({ well, number, predicted }: Verdict, classes: readonly string[]): Shape {
  const { minRow, minCol, maxRow, maxCol } = well.found!.colonies[number - 1]!;
  return {
    ...{ x: minCol, y: minRow, width: maxCol - minCol, height: maxRow - minRow },
    ...{ label: `${number} ${classes[predicted]}`, colour: classRgb(predicted) },
    segments: well.found?.outlines[number - 1] ?? null,
  };
}
