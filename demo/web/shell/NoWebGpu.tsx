import { api } from "../worker/client.js";
import type { DeviceStatus } from "../worker/device.js";

type Unavailable = Extract<DeviceStatus, { state: "unavailable" }>;

/** In place of the sections where there is no WebGPU: what is missing, which browsers have it, how to turn it on. */
export function NoWebGpu({ status }: { readonly status: Unavailable }) {
  return (
    <section class="no-webgpu" aria-label="No WebGPU">
      <h1>This page needs WebGPU</h1>
      <p>{whatIsMissing(status)}</p>
      <p>
        <TryAgain />
      </p>
      <h2>Browsers that have it</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Browser</th>
            <th scope="col">Since</th>
            <th scope="col">If it is off</th>
          </tr>
        </thead>
        <tbody>
          {browsers.map(({ name, since, fix }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{since}</td>
              <td>{fix}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="small muted">First versions, as of November 2025; later ones run on more systems.</p>
      <p>
        Without a browser that has WebGPU the same work can be done on the command line: <code>equipoise detect</code>,{" "}
        <code>predict</code> and <code>train</code> run on a processor too, with a software driver.
      </p>
    </section>
  );
}

/** Above the sections where the GPU was lost and did not come back: what was done is still there. */
export function GpuGone({ reason }: { readonly reason: string }) {
  return (
    <div role="alert" class="problem">
      <p>
        <strong>The GPU was lost and could not be opened again:</strong> {reason}. What was computed is kept; when the
        graphics driver is back, try again.
      </p>
      <TryAgain />
    </div>
  );
}

function TryAgain() {
  return (
    <button type="button" onClick={() => void api.device.open()}>
      Try again
    </button>
  );
}

function whatIsMissing({ cause, reason }: Unavailable): string {
  if (!isSecureContext)
    return `The address ${location.origin} is not secure, and browsers offer WebGPU to secure pages only: open the page over https or from localhost.`;
  if (cause === "no-api") return "This browser has no WebGPU, or it is turned off.";
  if (cause === "no-adapter")
    return "This browser has WebGPU but offers no adapter: the graphics driver is missing, too old, or on the browser's block list.";
  return `The GPU could not be opened: ${reason}`;
}

/** As of November 2025: web.dev, "WebGPU is now supported in major browsers"; gpuweb wiki, "Implementation Status". */
const browsers: readonly { readonly name: string; readonly since: string; readonly fix: string }[] = [
  {
    name: "Chrome, Edge (Windows, macOS, ChromeOS)",
    since: "113",
    fix: "Settings, System: turn on graphics acceleration. Blocked driver: chrome://flags/#enable-unsafe-webgpu",
  },
  {
    name: "Chrome, Edge (Linux)",
    since: "144 (newer Intel GPUs), others by flag",
    fix: "chrome://flags/#enable-unsafe-webgpu and chrome://flags/#enable-vulkan",
  },
  { name: "Chrome (Android 12 and later)", since: "121", fix: "chrome://flags/#enable-unsafe-webgpu" },
  { name: "Safari (macOS, iOS, iPadOS, visionOS)", since: "26", fix: "Update the system" },
  {
    name: "Firefox",
    since: "141 (Windows), 145 (macOS with Apple silicon)",
    fix: "Elsewhere: about:config, dom.webgpu.enabled",
  },
];
