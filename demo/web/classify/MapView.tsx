import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { cropOf } from "../find/wells.js";
import { classColour, classRgb } from "../shared/colours.js";
import { formatPercent } from "../shared/format.js";
import type { Overlay } from "../shared/picture.js";
import { ZoomImage } from "../shared/ZoomImage.js";
import type { ColonyMap } from "../worker/classifyService.js";
import { mapButton, map as shownMap, type Verdict } from "./results.js";
import { downloadMap } from "./work.js";

/** Which part of a colony is what, upon its picture, and the share of each class. */
export function MapView({ verdict, map, classes }: { verdict: Verdict; map: ColonyMap; classes: readonly string[] }) {
  const { well, number } = verdict;
  const [colours, setColours] = useState(true);
  const { image } = useMemo(() => cropOf(well, number), [well, number]);
  const overlay = useMemo(() => overlayOf(map), [map]);
  const name = `colony ${number} of ${well.stem}`;
  const title = useRef<HTMLHeadingElement>(null);
  // It was asked for in the list below, and computed for a while.
  useEffect(() => {
    title.current?.focus({ preventScroll: true });
    title.current?.scrollIntoView();
  }, [map]);
  return (
    <section class="map" aria-label={`Class map of ${name}`}>
      <h2 ref={title} tabIndex={-1}>
        Class map of {name}
      </h2>
      <div class="map-parts">
        <ZoomImage
          label={`Class map of ${name}`}
          {...{ width: image.width, height: image.height, grey: image.pixels, overlay: colours ? overlay : null }}
        />
        <div>
          <table>
            <thead>
              <tr>
                <th scope="col">Class</th>
                <th scope="col" class="number">
                  Share of the area
                </th>
                <th scope="col" class="number">
                  Area, px
                </th>
              </tr>
            </thead>
            <tbody>
              {classes.map((one, c) => (
                <tr key={one}>
                  <th scope="row">
                    <span class="swatch" style={{ background: classColour(c) }} aria-hidden="true" /> {one}
                  </th>
                  <td class="number">{map.total > 0 ? formatPercent((map.pixels[c] ?? 0) / map.total) : "no area"}</td>
                  <td class="number">{(map.pixels[c] ?? 0).toLocaleString("en")}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <div class="buttons">
            <label class="check">
              <input
                type="checkbox"
                checked={colours}
                onChange={({ currentTarget }) => setColours(currentTarget.checked)}
              />
              Colours
            </label>
            <button
              type="button"
              onClick={() => {
                shownMap.value = null;
                document.getElementById(mapButton(verdict))?.focus();
              }}
            >
              Close the map
            </button>
            <button type="button" onClick={() => downloadMap("picture", verdict, map, classes)}>
              Picture (SVG)
            </button>
            <button type="button" onClick={() => downloadMap("labels", verdict, map, classes)}>
              Labels (TIFF)
            </button>
          </div>
          <p class="small muted">
            {map.patches} overlapping patches; in each pixel the class that is most probable on average over the patches
            that cover it. Borders are no finer than a good part of a patch.
          </p>
        </div>
      </div>
    </section>
  );
}

/** Half transparent colours, the borders between classes opaque. */
function overlayOf({ labels, width, height }: ColonyMap): Overlay {
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    if (label === 0) continue;
    const x = i % width;
    const right = x + 1 < width ? labels[i + 1] : label;
    const below = labels[i + width] ?? label;
    const isBorder = (right !== label && right !== 0) || (below !== label && below !== 0);
    rgba.set([...classRgb(label - 1), isBorder ? 255 : 105], i * 4);
  }
  return { x: 0, y: 0, width, height, rgba };
}
