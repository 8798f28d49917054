import { signal } from "@preact/signals";
import type { ProfileRow } from "../../../engine/profile/index.js";
import type { ProfileDocument } from "../../../pipeline/profile/document.js";
import { classColour } from "../shared/colours.js";
import { formatPercent } from "../shared/format.js";
import { kindOf, kinds, milliseconds } from "./numbers.js";

const all = signal(false);
const few = 15;

/** Rows by time: kernel, sizes, time with a bar, rate, and how near it is to its roof. */
export function KernelTable({ document: { rows } }: { readonly document: ProfileDocument }) {
  const shown = all.value ? rows : rows.slice(0, few);
  const longest = rows[0]?.share ?? 1;
  return (
    <>
      <h2>Kernels, the longest first</h2>
      <div class="scroll">
        <table class="kernels">
          <thead>
            <tr>
              <th scope="col" class="number">
                #
              </th>
              <th scope="col">Kernel</th>
              <th scope="col">Sizes</th>
              <th scope="col" class="number">
                Calls
              </th>
              <th scope="col">Time in a step</th>
              <th scope="col" class="number">
                Rate
              </th>
              <th scope="col" class="number">
                Of its roof
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row, i) => (
              <Row key={`${row.kernel} ${row.shape} ${i}`} row={row} number={i + 1} longest={longest} />
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > few && (
        <button type="button" aria-pressed={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? `The ${few} longest only` : `All ${rows.length} rows`}
        </button>
      )}
      <p class="small muted">
        A roof is the adapter's measured rate of multiply-adds or of copying, whichever binds the kernel. Colours are
        kinds of kernels: {kinds.map(({ name }) => name).join(", ")}.
      </p>
    </>
  );
}

function Row({
  row,
  number,
  longest,
}: {
  readonly row: ProfileRow;
  readonly number: number;
  readonly longest: number;
}) {
  const kind = kindOf(row.kernel);
  const style = {
    width: `${Math.max(0.5, (100 * row.share) / longest)}%`,
    background: classColour(kinds[kind]?.colour ?? 4),
  };
  const rate =
    row.bound === "compute" && row.gflops !== null
      ? `${row.gflops.toPrecision(3)} GFLOP/s`
      : `${row.gbps.toPrecision(3)} GB/s`;
  return (
    <tr>
      <td class="number">{number}</td>
      <th scope="row">
        {row.kernel}
        {row.variant && <span class="small muted"> {row.variant}</span>}
      </th>
      <td>{row.shape}</td>
      <td class="number">{row.calls}</td>
      <td class="time">
        <span class="time-bar" style={style} aria-hidden="true" />
        {milliseconds(row.totalMs)} <span class="small muted">{formatPercent(row.share)}</span>
      </td>
      <td class="number">{rate}</td>
      <td class="number">{formatPercent(row.roofShare, 0)}</td>
    </tr>
  );
}
