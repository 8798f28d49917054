import type { Tuned } from "../../../engine/index.js";
import { counted } from "../shared/format.js";
import { Progress } from "../shared/Progress.js";
import { deviceReady } from "../state.js";
import type { TuneRequest } from "../worker/tuneService.js";
import { milliseconds } from "./numbers.js";
import { forgetTuning, keptShapes, stopTuning, target, tune, tuned, tuning } from "./tuning.js";
import { progress } from "./work.js";

/** Tuning for this GPU: what it does, its button, and what it found. */
export function TunePanel() {
  const found = tuned.value;
  return (
    <section class="tuning" aria-labelledby="tuning-title">
      <h2 id="tuning-title">Tune for this GPU</h2>
      <p>
        Convolutions and products can be computed in several ways, and which is fastest depends on the GPU and on their
        sizes. Tuning times them all; what is started in this page afterwards takes the fastest. A training keeps the
        choices that it began with, so that it goes on as it began.
      </p>
      <form
        class="inside-form"
        onSubmit={(event) => {
          event.preventDefault();
          void tune();
        }}
      >
        <label>
          Sizes of
          <select
            value={target.value}
            onChange={(event) => {
              target.value = event.currentTarget.value as TuneRequest["kind"];
            }}
          >
            <option value="training">a training, as it is chosen in Train here</option>
            <option value="step">the step that is chosen above</option>
          </select>
        </label>
        <button type="submit" disabled={!deviceReady.value || progress.value !== null || tuning.value !== null}>
          Tune for this GPU
        </button>
        {(keptShapes.value ?? 0) > 0 && tuning.value === null && (
          <button type="button" onClick={() => void forgetTuning()}>
            Forget what was tuned
          </button>
        )}
      </form>
      {tuning.value && <Progress label={tuning.value.doing} done={tuning.value.share} onCancel={stopTuning} />}
      {keptShapes.value !== null && <p class="kept">{keptText(keptShapes.value)}</p>}
      {found && <TunedTable tuned={found} />}
    </section>
  );
}

function keptText(shapes: number): string {
  return shapes === 0
    ? "Nothing is tuned for this GPU yet: the defaults are used."
    : `Tuned for this GPU: ${counted(shapes, "shape")}, kept in this browser.`;
}

/** What was timed, the slowest first, as `equipoise tune` prints it. */
function TunedTable({ tuned: all }: { readonly tuned: readonly Tuned[] }) {
  const changed = all.filter(({ variant, preferred }) => variant !== preferred).length;
  const timed = all.filter(({ seconds }) => Object.keys(seconds).length > 0);
  const time = ({ seconds, variant }: Tuned) => seconds[variant] ?? 0;
  return (
    <>
      <p role="status">
        {counted(all.length, "shape")}: {timed.length} can be computed in several ways here, {changed} now{" "}
        {changed === 1 ? "differs" : "differ"} from the default.
      </p>
      {timed.length > 0 && (
        <div class="scroll">
          <table class="tuned">
            <thead>
              <tr>
                <th scope="col">Operation and shape</th>
                <th scope="col">Fastest</th>
                <th scope="col" class="number">
                  Time
                </th>
                <th scope="col" class="number">
                  Against the default
                </th>
              </tr>
            </thead>
            <tbody>
              {timed
                .toSorted((a, b) => time(b) - time(a))
                .map((one) => (
                  <tr key={one.key} class={one.variant === one.preferred ? "" : "changed"}>
                    <th scope="row">{one.key}</th>
                    <td>{one.variant}</td>
                    <td class="number">{milliseconds(1000 * time(one))}</td>
                    <td class="number">{gain(one)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function gain({ variant, preferred, seconds }: Tuned): string {
  if (variant === preferred) return "the default";
  const [best, own] = [seconds[variant], seconds[preferred]];
  return best === undefined || own === undefined ? "much faster" : `${(own / best).toFixed(2)}x as fast`;
}
