import { Dropzone } from "../shared/Dropzone.js";
import { counted } from "../shared/format.js";
import { Progress } from "../shared/Progress.js";
import { deviceReady } from "../state.js";
import { ColonyTable } from "./ColonyTable.js";
import { OptionsForm } from "./OptionsForm.js";
import { downloadMask, downloadTable, downloadZip } from "./results.js";
import { WellList } from "./WellList.js";
import { WellView } from "./WellView.js";
import { currentWell, isStale, job, type Well, wells } from "./wells.js";
import { addFiles, addSamples, stop } from "./work.js";

const formats = ".png,.jpg,.jpeg,.jpe,.tif,.tiff,.btf,.tf8,image/png,image/jpeg,image/tiff";

/** Find colonies: images in, boxes and masks out. */
export function FindSection() {
  const well = currentWell();
  return (
    <>
      <p>
        Finds the cell colonies in phase-contrast images of whole wells, at 10x and about 0.8 µm per pixel: by their
        texture, with your GPU. PNG, JPEG or TIFF, 8 or 16 bits.
      </p>
      <div class="sources">
        <Dropzone what="images of wells" accept={formats} label="Choose images" onFiles={addFiles} />
        <button type="button" onClick={addSamples}>
          Try the samples
        </button>
      </div>
      {job.value && <Progress {...job.value} onCancel={stop} />}
      <OptionsForm />
      {well && (
        <div class="find-results">
          <WellList />
          <div class="find-main">
            <WellView key={well.id} well={well} />
            <Outcome well={well} />
            <ColonyTable well={well} />
          </div>
        </div>
      )}
      {!well && !job.value && deviceReady.value && (
        <p class="muted">
          The samples are three wells that this project has drawn: no real cells. Look at the outlines first; they tell
          in seconds whether the options suit your images.
        </p>
      )}
    </>
  );
}

/** What was found in a well, what to know about it, and the downloads. */
function Outcome({ well }: { well: Well }) {
  const { found } = well;
  const all = wells.value.filter((one) => one.found);
  const warnings = [...well.warnings, ...(found?.warnings ?? [])];
  return (
    <>
      {warnings.map((text) => (
        <p key={text} class="warning">
          {forPage(text)}
        </p>
      ))}
      {found && (
        <>
          <p class="summary">
            <strong>{counted(found.colonies.length, "colony", "colonies")}</strong> in {well.name}
            {all.length > 1 && `, ${counted(countAll(all), "colony", "colonies")} in ${counted(all.length, "image")}`}.
          </p>
          {isStale(well) && job.value === null && (
            <p class="warning">The options have changed since. “Find again” looks again with those that are set now.</p>
          )}
          <div class="buttons">
            <button type="button" onClick={() => downloadTable(all)}>
              Table (CSV)
            </button>
            <button type="button" onClick={() => downloadMask(well)}>
              Mask of this image (PNG)
            </button>
            <button type="button" onClick={() => downloadZip(all)}>
              All: crops, masks, table (ZIP)
            </button>
          </div>
        </>
      )}
    </>
  );
}

function countAll(all: readonly Well[]): number {
  return all.reduce((sum, { found }) => sum + (found?.colonies.length ?? 0), 0);
}

/** Warnings name options of the command; the page has its own words for them. */
function forPage(text: string): string {
  return text
    .replace("use --bits16 percentiles", "set the option “Grey of 16-bit images” to 0.1 to 99.9 per cent")
    .replace("; --channel chooses another", "; the command equipoise detect can use another");
}
