import { classColour } from "../shared/colours.js";
import { type Series, ticks } from "./metrics.js";

const [width, height] = [520, 240];
const margin = { left: 46, right: 14, top: 10, bottom: 42 };

/** Losses over the steps of a run. */
export function LossChart({ series }: { readonly series: readonly Series[] }) {
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return null;
  const most = { x: Math.max(...all.map(({ x }) => x)), y: Math.max(...all.map(({ y }) => y), 0.1) };
  const at = {
    x: (x: number) => margin.left + (x / most.x) * (width - margin.left - margin.right),
    y: (y: number) => height - margin.bottom - (Math.max(0, y) / most.y) * (height - margin.top - margin.bottom),
  };
  return (
    <figure class="chart">
      <figcaption>Loss</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`Loss over steps: ${summary(series)}`}>
        {ticks(most.y).map((value) => (
          <g key={value}>
            <line class="grid" x1={margin.left} x2={width - margin.right} y1={at.y(value)} y2={at.y(value)} />
            <text x={margin.left - 6} y={at.y(value) + 4} text-anchor="end">
              {value}
            </text>
          </g>
        ))}
        {ticks(most.x).map((value) => (
          <text key={value} x={at.x(value)} y={height - margin.bottom + 18} text-anchor="middle">
            {value}
          </text>
        ))}
        <text x={width - margin.right} y={height - 4} text-anchor="end">
          steps
        </text>
        {series.map(({ name, colour, points }) => (
          <polyline
            key={name}
            points={points.map(({ x, y }) => `${at.x(x).toFixed(1)},${at.y(y).toFixed(1)}`).join(" ")}
            style={{ stroke: classColour(colour) }}
            class={/tuning|pre-/.test(name) ? "series dashed" : "series"}
          />
        ))}
      </svg>
      <ul class="legend">
        {series.map(({ name, colour, points }) => (
          <li key={name}>
            <span
              class={/tuning|pre-/.test(name) ? "key dashed" : "key"}
              style={{ borderColor: classColour(colour) }}
            />{" "}
            {name}: {points.at(-1)?.y.toFixed(3)}
          </li>
        ))}
      </ul>
    </figure>
  );
}

function summary(series: readonly Series[]): string {
  return series.map(({ name, points }) => `${name} ${points.at(-1)?.y.toFixed(3)}`).join(", ");
}
