import { Dropzone } from "../shared/Dropzone.js";
import { formatBytes, formatPercent } from "../shared/format.js";
import { deviceReady, network } from "../state.js";
import type { NetworkFacts } from "../worker/classifyService.js";
import { facts } from "./results.js";
import { takeBundled, takeFiles } from "./work.js";

/** Which network classifies, and what is known of it. */
export function NetworkPanel() {
  const known = facts.value;
  const current = network.value;
  return (
    <section class="network" aria-label="Network">
      {known && current ? (
        <Facts known={known} name={current.name} origin={current.origin} />
      ) : (
        <p>Opening a network …</p>
      )}
      <div class="sources">
        <Dropzone
          what="a network (.safetensors of a run; with its config.json if it is an older one)"
          accept=".safetensors,.json"
          label="Use a network of your own"
          primary={false}
          onFiles={takeFiles}
        />
        {current && current.origin !== "bundled" && (
          <button type="button" onClick={takeBundled} disabled={!deviceReady.value}>
            Back to the network of this page
          </button>
        )}
      </div>
    </section>
  );
}

function Facts({ known, name, origin }: { known: NetworkFacts; name: string; origin: string }) {
  const { classes, model, parameters, patch, bytes, test } = known;
  return (
    <>
      <p>
        <strong class="name">{origin === "bundled" ? "The network of this page" : name}</strong>: {model} with{" "}
        {parameters.toLocaleString("en")} parameters ({formatBytes(bytes)}), patches of {patch} px, classes{" "}
        {classes.join(", ")}.
        {test?.balancedAccuracy != null &&
          ` On the ${test.images} test images of its training it found ${formatPercent(test.balancedAccuracy)} of each class on average.`}
      </p>
      {origin === "bundled" && (
        <p class="warning">
          It has learnt from synthetic pictures alone (92.1 % of each class on average in 1869 further ones) and says
          nothing reliable about photographs of cells: for those use a network that was trained on your own images.
        </p>
      )}
    </>
  );
}
