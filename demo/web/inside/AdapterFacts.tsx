import { formatBytes } from "../shared/format.js";
import { adapter } from "./work.js";

/** What the adapter is, what it allows, and what this page holds on it. */
export function AdapterFacts() {
  const report = adapter.value;
  if (!report) return null;
  const { info, workFor, features, limits, memory } = report;
  const { subgroupMinSize: least, subgroupMaxSize: most } = info;
  const subgroup = most === 0 ? "none" : `${least === most ? most : `${least} to ${most}`} lanes`;
  const facts: readonly (readonly [string, string])[] = [
    ["Vendor", info.vendor || "not said"],
    ["Architecture", info.architecture || "not said"],
    ["Device", info.device || "not said"],
    ["Description", info.description || "not said"],
    ["Computes on", info.isCpu ? "the processor (software)" : "a GPU"],
    ["Work is cut for", workFor === "cpu" ? "processor cores" : "a GPU"],
    ["Subgroups", features.includes("subgroups") ? subgroup : "not available"],
    [
      "Tensors of this page",
      `${formatBytes(memory.live)} in use (at most ${formatBytes(memory.peak)} so far), ${formatBytes(memory.pooled)} kept for reuse`,
    ],
    ["Features", features.join(", ") || "none beyond the basic ones"],
  ];
  return (
    <>
      <h2>The adapter</h2>
      <div class="scroll">
        <table class="adapter">
          <tbody>
            {facts.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <details>
        <summary>Limits of the device</summary>
        <div class="scroll">
          <table class="adapter">
            <tbody>
              {Object.entries(limits).map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td class="number">{limitText(name, value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function limitText(name: string, value: number): string {
  const isBytes = /Size$/.test(name) && !/Workgroup.?Size|Subgroup/.test(name) && value >= 4096;
  return isBytes ? `${value.toLocaleString("en")} (${formatBytes(value)})` : value.toLocaleString("en");
}
