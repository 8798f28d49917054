import { useEffect } from "preact/hooks";
import { wells } from "../find/wells.js";
import { addSamples } from "../find/work.js";
import { counted } from "../shared/format.js";
import { Progress } from "../shared/Progress.js";
import { deviceReady, network, section } from "../state.js";
import { MapView } from "./MapView.js";
import { NetworkPanel } from "./NetworkPanel.js";
import { facts, map, patches, verdicts } from "./results.js";
import { VerdictTable } from "./VerdictTable.js";
import { VerdictView } from "./VerdictView.js";
import { classifyAll, downloadPredictions, job, stop, takeBundled, takeShared } from "./work.js";

/** Classify: what each colony is, and how sure the network is. */
export function ClassifySection() {
  const isOpen = section.value === "classify" && deviceReady.value;
  useEffect(() => {
    if (!isOpen) return;
    if (network.value) takeShared();
    else takeBundled();
  }, [isOpen, network.value]);
  const count = wells.value.reduce((sum, { found }) => sum + (found?.colonies.length ?? 0), 0);
  const known = facts.value;
  return (
    <>
      <p>
        Says of each colony what it is, and how sure it is of that. The most uncertain ones come first: look at those
        yourself.
      </p>
      <NetworkPanel />
      {count === 0 ? <NoColonies /> : <Controls count={count} />}
      {job.value && <Progress {...job.value} onCancel={stop} />}
      {known && verdicts.value.length > 0 && (
        <>
          <VerdictView classes={known.classes} />
          {map.value && <MapView {...map.value} classes={known.classes} />}
          <div class="buttons">
            <button type="button" onClick={() => downloadPredictions(verdicts.value, known.classes)}>
              Predictions (CSV)
            </button>
          </div>
          <VerdictTable classes={known.classes} />
        </>
      )}
    </>
  );
}

function NoColonies() {
  return (
    <div class="buttons">
      <p>
        There are no colonies yet. <a href="#find">Find them in your images</a> first, or
      </p>
      <button type="button" onClick={addSamples} disabled={!deviceReady.value}>
        Try the samples
      </button>
    </div>
  );
}

function Controls({ count }: { count: number }) {
  return (
    <div class="buttons">
      <button
        type="button"
        class="primary"
        disabled={!facts.value || job.value !== null || !deviceReady.value}
        onClick={classifyAll}
      >
        Classify {counted(count, "colony", "colonies")}
      </button>
      <label>
        Patches per colony{" "}
        <select value={patches.value} onChange={({ currentTarget }) => (patches.value = Number(currentTarget.value))}>
          <option value={1}>1, the middle</option>
          <option value={5}>5, averaged</option>
          <option value={9}>9, averaged</option>
        </select>
      </label>
    </div>
  );
}
