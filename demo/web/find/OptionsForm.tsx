import { type DetectOptions, mostRadius } from "../../../pipeline/detect/options.js";
import { deviceReady } from "../state.js";
import { bits16, isStale, job, options, wells } from "./wells.js";
import { findAgain } from "./work.js";

/** How colonies are looked for: the command's options. */
export function OptionsForm() {
  const stale = wells.value.some(isStale);
  return (
    <details class="options">
      <summary>Options of the detection</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          findAgain();
        }}
      >
        <label>
          Order
          <select
            value={options.value.order}
            onChange={({ currentTarget }) => set({ order: currentTarget.value === "code" ? "code" : "text" })}
          >
            <option value="text">threshold, then opening (the article's text)</option>
            <option value="code">opening, then threshold (its authors' code)</option>
          </select>
        </label>
        <Pixels name="entropyRadius" label="Radius of the entropy, px" least={1} most={mostRadius} />
        <Pixels name="openingRadius" label="Radius of the opening, px" least={1} most={mostRadius} />
        <Pixels name="minSize" label="Smallest colony, px" least={0} most={1e8} />
        <label>
          Grey of 16-bit images
          <select value={bits16.value} onChange={({ currentTarget }) => (bits16.value = currentTarget.value)}>
            <option value="full">full range, 0 to 65535</option>
            <option value="minmax">least to greatest value</option>
            <option value="percentiles">0.1 to 99.9 per cent</option>
          </select>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={options.value.blur}
            onChange={({ currentTarget }) => set({ blur: currentTarget.checked })}
          />
          Blur first
        </label>
        <button type="submit" class="primary" disabled={!stale || job.value !== null || !deviceReady.value}>
          Find again
        </button>
      </form>
      <p class="small muted">
        The defaults are those of the article, for 0.8 µm per pixel. At p µm per pixel multiply the radii by 0.8 / p and
        the smallest colony by its square. Broken-up colonies: a larger radius of the entropy. Specks: a larger smallest
        colony. Neighbours run into one: a larger radius of the opening, or the other order.
      </p>
    </details>
  );
}

interface PixelsProps {
  readonly name: "entropyRadius" | "openingRadius" | "minSize";
  readonly label: string;
  readonly least: number;
  readonly most: number;
}

/** A length or area; what is no whole number within the limits is not taken over. */
function Pixels({ name, label, least, most }: PixelsProps) {
  return (
    <label>
      {label}
      <input
        type="number"
        min={least}
        max={most}
        step={1}
        required
        value={options.value[name]}
        onChange={({ currentTarget }) => {
          const value = currentTarget.valueAsNumber;
          if (currentTarget.checkValidity() && Number.isInteger(value)) set({ [name]: value });
          else currentTarget.reportValidity();
        }}
      />
    </label>
  );
}

function set(change: Partial<DetectOptions>): void {
  options.value = { ...options.value, ...change };
}
