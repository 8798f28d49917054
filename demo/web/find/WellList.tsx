import { currentWell, removeWell, shownColony, shownWell, type Well, wells } from "./wells.js";

/** The images, to choose from. */
export function WellList() {
  const current = currentWell();
  return (
    <ul class="well-list" aria-label="Images">
      {wells.value.map((well) => (
        <li key={well.id} class={well.id === current?.id ? "shown" : undefined}>
          <button
            type="button"
            aria-current={well.id === current?.id ? "true" : undefined}
            onClick={() => {
              shownWell.value = well.id;
              shownColony.value = null;
            }}
          >
            <span class="name">{well.stem === well.name ? well.name : nameOf(well)}</span>
            <span class="small muted">{stateOf(well)}</span>
          </button>
          <button
            type="button"
            class="remove"
            aria-label={`Remove ${nameOf(well)}`}
            onClick={() => removeWell(well.id)}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

/** The file's name; of a file with several images also which one. */
function nameOf({ name, stem, id }: Well): string {
  const isOne = wells.value.every((well) => well.id === id || well.name !== name);
  return isOne ? name : `${name} (${stem})`;
}

function stateOf({ width, height, found }: Well): string {
  const size = `${width} × ${height} px`;
  if (!found) return `${size}, waiting`;
  const count = found.colonies.length;
  return `${size}, ${count === 0 ? "no colony" : count === 1 ? "1 colony" : `${count} colonies`}`;
}
