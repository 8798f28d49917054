import type { ProfileDocument } from "../../../pipeline/profile/document.js";
import { classColour } from "../shared/colours.js";
import { kindOf, kinds } from "./numbers.js";

/** Drawing, in its own units. */
const [width, height] = [720, 360];
const edge = { left: 56, right: 16, top: 14, bottom: 44 };
/** Rows that take less of the step are no points. */
const leastShare = 0.0005;
/** Points that carry the number of their row. */
const numbered = 8;

/** Kernels by arithmetic intensity and rate, both logarithmic, under the measured roof; the area of a point is its share of the step. */
export function Roofline({ document: { roofline, rows } }: { readonly document: ProfileDocument }) {
  const points = rows.flatMap(({ kernel, intensity, gflops, share }, i) =>
    intensity && gflops && share >= leastShare ? [{ kernel, number: i + 1, x: intensity, y: gflops, share }] : [],
  );
  if (points.length === 0) return null;
  const ridge = roofline.gflops / roofline.gbps;
  const x = logScale([...points.map((p) => p.x), ridge / 2, ridge * 2], edge.left, width - edge.right);
  const y = logScale([...points.map((p) => p.y), roofline.gflops * 1.1], height - edge.bottom, edge.top);
  const used = kinds.filter((_, i) => points.some(({ kernel }) => kindOf(kernel) === i));
  const roof = [
    [x.least, Math.min(roofline.gflops, roofline.gbps * x.least)],
    [ridge, roofline.gflops],
    [x.most, roofline.gflops],
  ];
  const label = `Roofline: ${points.length} kernels by arithmetic intensity and rate, under ${roofline.gflops.toPrecision(3)} GFLOP/s and ${roofline.gbps.toPrecision(3)} GB/s`;
  return (
    <figure class="roofline">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
        <title>{label}</title>
        {x.ticks.map((value) => (
          <g key={value}>
            <line class="grid" x1={x.at(value)} x2={x.at(value)} y1={edge.top} y2={height - edge.bottom} />
            <text x={x.at(value)} y={height - edge.bottom + 18} text-anchor="middle">
              {value}
            </text>
          </g>
        ))}
        {y.ticks.map((value) => (
          <g key={value}>
            <line class="grid" x1={edge.left} x2={width - edge.right} y1={y.at(value)} y2={y.at(value)} />
            <text x={edge.left - 6} y={y.at(value) + 4} text-anchor="end">
              {value}
            </text>
          </g>
        ))}
        <text x={(edge.left + width - edge.right) / 2} y={height - 6} text-anchor="middle">
          operations per byte
        </text>
        <text x={edge.left + 6} y={edge.top + 14}>
          GFLOP/s
        </text>
        <polyline class="roof" points={roof.map(([a = 1, b = 1]) => `${x.at(a)},${y.at(b)}`).join(" ")} />
        {points.map((point) => (
          <circle
            key={point.number}
            cx={x.at(point.x)}
            cy={y.at(point.y)}
            r={Math.max(3, 34 * Math.sqrt(point.share))}
            style={{ fill: classColour(kinds[kindOf(point.kernel)]?.colour ?? 4) }}
          />
        ))}
        {points.slice(0, numbered).map((point) => (
          <text key={point.number} class="name" x={x.at(point.x)} y={y.at(point.y) + 4} text-anchor="middle">
            {point.number}
          </text>
        ))}
      </svg>
      <figcaption class="small">
        {used.map(({ name, colour }) => (
          <span key={name} class="key">
            <span class="swatch" style={{ background: classColour(colour) }} aria-hidden="true" /> {name}
          </span>
        ))}
        <span class="muted">Numbers are rows of the table; the line is what the adapter can do.</span>
      </figcaption>
    </figure>
  );
}

interface Scale {
  readonly least: number;
  readonly most: number;
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** From the power of ten below all values to the one above, between two places of the drawing. */
function logScale(values: readonly number[], begin: number, end: number): Scale {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    least: 10 ** low,
    most: 10 ** high,
    ticks: Array.from({ length: high - low + 1 }, (_, i) => Number((10 ** (low + i)).toPrecision(1))),
    at: (value) => begin + ((Math.log10(value) - low) / (high - low)) * (end - begin),
  };
}
