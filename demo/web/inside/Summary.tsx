import type { ProfileDocument } from "../../../pipeline/profile/document.js";
import { download } from "../shared/downloads.js";
import { formatBytes } from "../shared/format.js";
import { milliseconds } from "./numbers.js";

/** What a step takes in all, with what it was measured by, and the whole as a file that `equipoise profile compare` reads. */
export function Summary({ document }: { readonly document: ProfileDocument }) {
  const { subject, times, dispatches, totals, peakBytes, roofline, warnings } = document;
  const perSecond = (1000 * subject.batch) / times.unprofiledMs;
  const rate = totals.matrixFlops / times.unprofiledMs / 1e6;
  return (
    <>
      <h2>One step</h2>
      <dl class="inside-facts">
        <Fact name="A step takes" value={milliseconds(times.unprofiledMs)} note={`median of ${times.repeats}`} />
        <Fact
          name="Images"
          value={`${Math.round(perSecond).toLocaleString("en")} per second`}
          note={`${subject.batch} per step`}
        />
        <Fact
          name="Kernels"
          value={`${dispatches} dispatches`}
          note={`${milliseconds(times.gpuSumMs)} timed one by one`}
        />
        <Fact
          name="Convolutions and products"
          value={`${rate.toPrecision(3)} GFLOP/s`}
          note={`the adapter's peak: ${roofline.gflops.toPrecision(3)}`}
        />
        <Fact
          name="Most memory"
          value={formatBytes(peakBytes)}
          note={`${subject.model}, width ${subject.width}, ${subject.input} px`}
        />
      </dl>
      {warnings.map((text) => (
        <p key={text} class="small muted">
          Note: {text}.
        </p>
      ))}
      <p>
        <button type="button" onClick={() => download("profile.json", JSON.stringify(document), "application/json")}>
          Download the profile
        </button>{" "}
        <span class="small muted">
          <code>equipoise profile compare</code> reads it.
        </span>
      </p>
    </>
  );
}

function Fact({ name, value, note }: { readonly name: string; readonly value: string; readonly note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <span class="small muted">{note}</span>
      </dd>
    </div>
  );
}
