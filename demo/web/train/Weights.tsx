import { classColour } from "../shared/colours.js";
import { type Line, lastList } from "./metrics.js";
import { colourOf } from "./session.js";

/** How the unlabelled images were balanced in the last epoch: what the teacher took them for, and the weight of each class. */
export function Weights({ lines, classes }: { readonly lines: readonly Line[]; readonly classes: readonly string[] }) {
  const counts = lastList<number>(lines, "pseudoCounts");
  const weights = lastList<number>(lines, "samplingWeights");
  if (!counts || !weights) return null;
  const truth = lastList<number>(lines, "pseudoTrueCounts");
  const most = Math.max(...weights, Number.MIN_VALUE);
  return (
    <figure class="chart">
      <figcaption>Sampling of the images without a label, last epoch</figcaption>
      <div class="scroll">
        <table class="small">
          <thead>
            <tr>
              <th>Class</th>
              <th class="number">taken for it</th>
              {truth && <th class="number">in truth</th>}
              <th>weight of an image</th>
            </tr>
          </thead>
          <tbody>
            {classes.map((name, i) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{counts[i]}</td>
                {truth && <td class="number">{truth[i]}</td>}
                <td>
                  <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect
                      width={(100 * (weights[i] ?? 0)) / most}
                      height="10"
                      style={{ fill: classColour(colourOf(name, i)) }}
                    />
                  </svg>{" "}
                  {weights[i] ? weights[i].toPrecision(2) : "0 (never drawn)"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}
