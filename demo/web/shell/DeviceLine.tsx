import { deviceStatus } from "../state.js";
import type { DeviceStatus } from "../worker/device.js";

/** How the GPU is doing, in one line that screen readers are told of. */
export function DeviceLine() {
  const status = deviceStatus.value;
  return (
    <p class={`device ${status.state}`} role="status">
      <span class="dot" aria-hidden="true" /> {deviceText(status)}
    </p>
  );
}

function deviceText(status: DeviceStatus): string {
  switch (status.state) {
    case "opening":
      return "Opening the GPU";
    case "lost":
      return `The GPU was lost (${status.reason.replace(/\.$/, "")}). Opening it again; what was computed is kept.`;
    case "unavailable":
      return "No GPU can be used in this page.";
    case "ready": {
      const { description, device, vendor, architecture, isCpu } = status.adapter;
      const name = description || device || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
      const kind = isCpu ? " (computes on the processor: correct, and slow)" : "";
      const again = status.losses > 0 ? " It was lost and is back." : "";
      return `GPU: ${name}${kind}.${again}`;
    }
  }
}
