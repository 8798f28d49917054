import { effect } from "@preact/signals";
import { render } from "preact";
import { App } from "./shell/App.js";
import { keepOffline } from "./shell/offline.js";
import { deviceStatus, section, sectionOf, showProblem } from "./state.js";
import { openDevice, startDevice } from "./worker/client.js";

/** The page: follows the address, opens the GPU in the worker, keeps the site for offline use. */

addEventListener("hashchange", () => {
  section.value = sectionOf(location.hash);
});
effect(() => {
  if (sectionOf(location.hash) !== section.value) location.hash = section.value;
});
addEventListener("error", (event) => showProblem("The page", event.error ?? event.message));
addEventListener("unhandledrejection", (event) => showProblem("The page", event.reason));
// A file dropped beside a drop zone must not replace the page, and with it all that was done.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());

// A GPU that did not come back out of sight, or while the computer slept, may be there now.
document.addEventListener("visibilitychange", () => {
  const status = deviceStatus.value;
  if (document.visibilityState === "visible" && status.state === "unavailable" && status.losses > 0) void openDevice();
});

const root = document.getElementById("app");
if (root) {
  root.textContent = "";
  render(<App />, root);
}
startDevice((status) => {
  deviceStatus.value = status;
}).catch((error: unknown) => showProblem("Starting the worker", error));
keepOffline();
