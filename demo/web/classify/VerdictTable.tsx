import { useState } from "preact/hooks";
import { cropOf } from "../find/wells.js";
import { classColour } from "../shared/colours.js";
import { Thumbnail } from "../shared/Thumbnail.js";
import { byUncertainty, inWords, mapButton, shown, type Verdict, verdicts } from "./results.js";
import { job, mapColony } from "./work.js";

const atFirst = 100;

/** All colonies, the most uncertain first. */
export function VerdictTable({ classes }: { classes: readonly string[] }) {
  const [all, setAll] = useState(false);
  const sorted = byUncertainty(verdicts.value);
  const listed = all ? sorted : sorted.slice(0, atFirst);
  return (
    <>
      <div class="scroll">
        <table class="verdicts">
          <caption class="unseen">Colonies, the most uncertain first</caption>
          <thead>
            <tr>
              <th scope="col">Colony</th>
              <th scope="col">Class</th>
              <th scope="col">Probabilities</th>
              <th scope="col" class="number">
                Uncertainty, bits
              </th>
              <th scope="col">Parts</th>
            </tr>
          </thead>
          <tbody>
            {listed.map((verdict) => (
              <Row key={`${verdict.well.id} ${verdict.number}`} verdict={verdict} classes={classes} />
            ))}
          </tbody>
        </table>
      </div>
      {listed.length < sorted.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {sorted.length}
        </button>
      )}
      <p class="small muted">
        Uncertainty is the entropy of the probabilities: 0 bits is certain, {Math.log2(classes.length).toFixed(1)} bits
        is undecided between all classes. A network can also be certain and wrong.
      </p>
    </>
  );
}

function Row({ verdict, classes }: { verdict: Verdict; classes: readonly string[] }) {
  const { well, number, predicted, entropy } = verdict;
  const { image } = cropOf(well, number);
  const isShown = shown.value === verdict;
  const name = `colony ${number} of ${well.stem}`;
  return (
    <tr class={isShown ? "shown" : undefined}>
      <td>
        <button
          type="button"
          class="crop"
          aria-pressed={isShown}
          aria-label={`Show ${name}`}
          onClick={() => {
            shown.value = isShown ? null : verdict;
          }}
        >
          <Thumbnail image={image} side={64} />
          <span>
            <span class="name">{well.stem}</span> {number}
          </span>
        </button>
      </td>
      <td>
        <span class="swatch" style={{ background: classColour(predicted) }} aria-hidden="true" /> {classes[predicted]}
      </td>
      <td>
        <ProbabilityBar verdict={verdict} />
        <span class="small">{inWords(verdict, classes)}</span>
      </td>
      <td class="number">{entropy.toFixed(2)}</td>
      <td>
        <button
          type="button"
          id={mapButton(verdict)}
          disabled={job.value !== null}
          onClick={() => mapColony(verdict)}
          aria-label={`Class map of ${name}`}
        >
          Class map
        </button>
      </td>
    </tr>
  );
}

/** The probabilities one beside the other; the text beneath says the same. */
function ProbabilityBar({ verdict }: { verdict: Verdict }) {
  return (
    <span class="bar" aria-hidden="true">
      {Array.from(verdict.probabilities, (p, c) => (
        <span key={c} style={{ width: `${100 * p}%`, background: classColour(c) }} />
      ))}
    </span>
  );
}
