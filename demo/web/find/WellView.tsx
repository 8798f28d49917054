import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { again } from "../shared/again.js";
import { outlineColour } from "../shared/colours.js";
import type { Shape } from "../shared/picture.js";
import { ZoomImage } from "../shared/ZoomImage.js";
import { showProblem } from "../state.js";
import { api } from "../worker/client.js";
import type { ShownStage } from "../worker/findService.js";
import { type Found, shownColony, type Well } from "./wells.js";

const names: Record<ShownStage, string> = {
  image: "the image",
  blur: "blurred",
  entropy: "local entropy",
  rescaled: "entropy, 0 to 255",
  binary: "above the threshold",
  opened: "opened",
  filled: "holes filled",
  final: "small objects removed: the mask",
  labels: "numbered colonies",
};

/** One image with its colonies; any stage of the detection can be shown in its place. */
export function WellView({ well }: { well: Well }) {
  const { found, width, height, grey } = well;
  const [stage, setStage] = useState<ShownStage>("image");
  const [marks, setMarks] = useState(true);
  const pixels = useStage(well, stage);
  const shapes = useMemo(() => (found && marks ? shapesOf(found) : []), [found, marks]);
  const selected = shownColony.value === null ? null : shownColony.value - 1;
  const figure = useRef<HTMLElement>(null);
  // The table of colonies is below, and may be long.
  useEffect(() => {
    if (selected !== null) figure.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  return (
    <figure ref={figure} class="well-view">
      <ZoomImage
        label={`${well.name}, ${names[stage]}`}
        {...{ width, height, grey: pixels ?? grey, shapes, selected: marks ? selected : null }}
        onSelect={(index) => {
          shownColony.value = index === null ? null : index + 1;
        }}
      />
      <figcaption class="buttons">
        {found && (
          <label>
            Show{" "}
            <select value={stage} onChange={({ currentTarget }) => setStage(currentTarget.value as ShownStage)}>
              {stagesOf(found).map((name) => (
                <option key={name} value={name}>
                  {names[name]}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="check">
          <input type="checkbox" checked={marks} onChange={({ currentTarget }) => setMarks(currentTarget.checked)} />
          Outlines and boxes
        </label>
        {stage !== "image" && pixels === null && <span class="muted">Computing it again …</span>}
      </figcaption>
    </figure>
  );
}

/** In the order in which they are computed. */
function stagesOf({ options: { order, blur } }: Found): ShownStage[] {
  const middle: ShownStage[] = order === "code" ? ["opened", "binary"] : ["binary", "opened"];
  return ["image", ...(blur ? (["blur"] as const) : []), "entropy", "rescaled", ...middle, "filled", "final", "labels"];
}

/** The values of a stage, computed again for it; null while they are awaited. */
function useStage({ found, grey, width: w, height: h, name }: Well, stage: ShownStage): Uint8Array | null {
  const [values, setValues] = useState<Uint8Array | null>(null);
  useEffect(() => {
    setValues(null);
    if (stage === "image" || !found) return;
    let wanted = true;
    again(() => api.find.stage({ pixels: grey, w, h, options: found.options }, stage)).then(
      (pixels) => wanted && setValues(pixels),
      (error: unknown) => wanted && showProblem(`Showing a stage of ${name}`, error),
    );
    return () => {
      wanted = false;
    };
  }, [found, stage]);
  return stage === "image" ? grey : values;
}

function shapesOf({ colonies, outlines }: Found): Shape[] {
  return colonies.map(({ minRow, minCol, maxRow, maxCol }, i) => ({
    ...{ x: minCol, y: minRow, width: maxCol - minCol, height: maxRow - minRow },
    ...{ label: String(i + 1), outlineColour, segments: outlines[i] ?? null },
  }));
}
