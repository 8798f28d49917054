import type { RunResult } from "../../../pipeline/run/types.js";
import { useAnnounced } from "../shared/announce.js";
import { ConfirmButton } from "../shared/ConfirmButton.js";
import { counted, formatPercent } from "../shared/format.js";
import { Progress } from "../shared/Progress.js";
import type { TrainStatus } from "../worker/train/events.js";
import { Confusion } from "./Confusion.js";
import { LossChart } from "./LossChart.js";
import { lastConfusion, lossSeries } from "./metrics.js";
import {
  discard,
  downloadReport,
  downloadRun,
  downloadWeights,
  isBusy,
  isReporting,
  lines,
  notes,
  pause,
  progress,
  resume,
  speed,
  status,
} from "./run.js";
import { Weights } from "./Weights.js";

/** How the training goes, what came of it, and the downloads. */
export function RunView() {
  const { state, run, result } = status.value;
  if (!run) return null;
  const hasTeacher = run.method === "meta-pseudo-labels";
  const confusion = lastConfusion(lines.value);
  return (
    <div class="run">
      <h2>Run</h2>
      <p class="small muted">
        {hasTeacher ? "Iterative pseudo balancing" : "The labelled images alone"}, {run.model}: {run.parts.L} images to
        learn from, {run.parts.validation} to choose by, {run.parts.U} without a label, {run.parts.T} for the test.
      </p>
      <div class="state">
        <StateLine />
      </div>
      <Controls />
      {result && (
        <p class="result">
          <strong>Balanced accuracy of the student on the test part: {percent(result.student.balancedAccuracy)}</strong>{" "}
          {resultText(result)}
        </p>
      )}
      <div class="run-charts">
        <LossChart series={lossSeries(lines.value, hasTeacher)} />
        {hasTeacher && <Weights lines={lines.value} classes={run.classes} />}
        {result ? (
          <Confusion title="Student on the test part" classes={run.classes} confusion={result.student.confusion} />
        ) : (
          confusion && (
            <Confusion title="On the validation part, last epoch" classes={run.classes} confusion={confusion} />
          )
        )}
      </div>
      <Notes />
      {state === "done" && (
        <p class="muted small">
          The report says in words and pictures how far the network can be trusted; it is one file, to keep or to pass
          on. The unpacked ZIP file, report and images included, is a folder of the command line:{" "}
          <code>equipoise evaluate</code>, <code>predict</code> and (of a paused run) <code>resume</code> go on from it.
          Classify uses this network now.
        </p>
      )}
    </div>
  );
}

/** What the figure means, and what to compare it with. */
function resultText({ student, teacher, chance }: RunResult): string {
  const others = `chance ${formatPercent(chance)}${teacher ? `; the teacher ${percent(teacher.balancedAccuracy)}` : ""}`;
  const rough = student.n < 100 ? " So few test images make this a rough figure." : "";
  return `(the share that it finds of a class, averaged over the classes; ${counted(student.n, "image")}; ${others}).${rough}`;
}

function percent(value: number | null): string {
  return value === null ? "unknown" : formatPercent(value);
}

/** What there is to say of a run that is not going on; null: it goes on. */
function standstill({ state, message }: TrainStatus): string | null {
  switch (state) {
    case "recovering":
      return "The GPU was lost. As soon as it is back the training goes on from its last checkpoint.";
    case "failed":
      return `The training stopped: ${message}`;
    case "paused":
      return "Paused. It is kept in this browser, also when the page is closed.";
    case "done":
      return "Finished.";
    default:
      return null;
  }
}

function StateLine() {
  const { state, message, run } = status.value;
  const text = standstill(status.value);
  useAnnounced(text);
  if (text !== null) return <p class={state === "recovering" || state === "failed" ? "warning" : undefined}>{text}</p>;
  const now = progress.value;
  if (!now || !run)
    return (
      <Progress label={message || "Preparing the kernels for this GPU: the first time takes a while"} done={null} />
    );
  return (
    <Progress
      label={`${capitalised(now.label)}: ${now.done} of ${now.total}${speedText(now, run.batch)}`}
      done={now.done / now.total}
    />
  );
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** Images per second, as a step takes them, and the time left of this phase. */
function speedText({ label, done, total }: { label: string; done: number; total: number }, batch: number): string {
  const perSecond = speed.value;
  const each = /^(pre-training|training on|fine-tuning)/.test(label)
    ? batch
    : label === "training teacher and student"
      ? 3 * batch
      : 0;
  if (perSecond === null || each === 0) return "";
  const seconds = (total - done) / perSecond;
  const left = seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
  const images = perSecond * each;
  return `; ${images < 10 ? images.toFixed(1) : Math.round(images)} images per second, ${left} left of this phase`;
}

function Controls() {
  const { state, result } = status.value;
  return (
    <div class="buttons">
      {state === "running" && (
        <button type="button" onClick={pause}>
          Pause
        </button>
      )}
      {(state === "paused" || state === "failed") && (
        <button type="button" class="primary" onClick={resume}>
          Go on
        </button>
      )}
      {(result || lines.value.length > 0) && (
        <button type="button" disabled={isReporting.value} onClick={downloadReport}>
          {isReporting.value ? "Making the report" : result ? "Report (HTML)" : "Report so far (HTML)"}
        </button>
      )}
      {!isBusy.value && (
        <button type="button" onClick={downloadRun}>
          Run with report (ZIP)
        </button>
      )}
      {result && (
        <button type="button" onClick={downloadWeights}>
          Weights (safetensors)
        </button>
      )}
      {!isBusy.value && <ConfirmButton label="Remove this run" sure="Remove it for good" onConfirm={discard} />}
    </div>
  );
}

/** What the run said. */
function Notes() {
  if (notes.value.length === 0) return null;
  return (
    <details class="notes" open={isBusy.value}>
      <summary>Messages</summary>
      <ul>
        {notes.value.map(({ text, warning }, i) => (
          <li key={`${i} ${text}`} class={warning ? "warning" : "small"}>
            {text}
          </li>
        ))}
      </ul>
    </details>
  );
}
