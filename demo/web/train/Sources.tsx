import { useRef } from "preact/hooks";
import { Dropzone } from "../shared/Dropzone.js";
import { counted } from "../shared/format.js";
import { colonies } from "../state.js";
import { isIdle, openRun } from "./run.js";
import { addColonies, addFiles, openExample } from "./session.js";

const formats = ".png,.jpg,.jpeg,.jpe,.tif,.tiff,.btf,.tf8,image/png,image/jpeg,image/tiff";

/** Where images come from. */
export function Sources() {
  const found = colonies.value.length;
  return (
    <>
      <div class="sources">
        <Dropzone what="pictures of single colonies" accept={formats} label="Choose images" onFiles={addFiles} />
        <div class="source-buttons">
          <FolderButton />
          {found > 0 && (
            <button type="button" onClick={addColonies}>
              Use {counted(found, "colony", "colonies")} from Find
            </button>
          )}
          <button type="button" onClick={openExample}>
            Try the example
          </button>
          <RunButton />
        </div>
      </div>
      <p class="muted small">
        In a folder, the names of its folders are taken as classes. The example is 240 synthetic colonies of four
        classes, drawn here by the code of <code>equipoise synth --preset tiny --seed 7</code>: no real cells.
      </p>
    </>
  );
}

/** The file dialogue for a whole folder. */
function FolderButton() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={(element) => {
          input.current = element;
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        class="unseen"
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => {
          addFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
      <button type="button" onClick={() => input.current?.click()}>
        Choose a folder
      </button>
    </>
  );
}

/** Opens the ZIP file of a run. */
function RunButton() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".zip,application/zip"
        class="unseen run-file"
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          if (file) openRun(file);
          event.currentTarget.value = "";
        }}
      />
      <button type="button" disabled={!isIdle.value} onClick={() => input.current?.click()}>
        Open a run (ZIP)
      </button>
    </>
  );
}
