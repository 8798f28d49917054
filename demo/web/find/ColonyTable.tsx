import { shownColony, type Well } from "./wells.js";

/** The colonies of a well as numbers: the columns of colonies.csv. */
export function ColonyTable({ well }: { well: Well }) {
  const { found } = well;
  if (!found || found.colonies.length === 0) return null;
  return (
    <div class="scroll">
      <table class="colonies">
        <caption class="unseen">Colonies of {well.name}</caption>
        <thead>
          <tr>
            <th scope="col">Colony</th>
            <th scope="col" class="number">
              Area, px
            </th>
            <th scope="col" class="number">
              Rows
            </th>
            <th scope="col" class="number">
              Columns
            </th>
            <th scope="col" class="number">
              Mean grey
            </th>
            <th scope="col" class="number">
              Mean entropy, bits
            </th>
            <th scope="col">At the edge</th>
          </tr>
        </thead>
        <tbody>
          {found.colonies.map((colony, i) => (
            <tr
              key={colony.minRow * well.width + colony.minCol}
              class={shownColony.value === i + 1 ? "shown" : undefined}
            >
              <th scope="row">
                <button type="button" aria-pressed={shownColony.value === i + 1} onClick={() => toggle(i + 1)}>
                  {i + 1}
                </button>
              </th>
              <td class="number">{colony.area.toLocaleString("en")}</td>
              <td class="number">{`${colony.minRow} to ${colony.maxRow - 1}`}</td>
              <td class="number">{`${colony.minCol} to ${colony.maxCol - 1}`}</td>
              <td class="number">{colony.meanIntensity.toFixed(1)}</td>
              <td class="number">{colony.meanEntropy.toFixed(2)}</td>
              <td>{colony.touchesBorder ? "yes" : "no"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function toggle(number: number): void {
  shownColony.value = shownColony.value === number ? null : number;
}
