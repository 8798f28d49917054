/** Colony detection by the book, in whole numbers and doubles: what each kernel is compared with. Images are row-major. */

export interface Grey {
  w: number;
  h: number;
  /** 0 to 255; masks 0 or 255. */
  data: Uint8Array;
}

function like({ w, h }: Grey, value: (y: number, x: number) => number): Grey {
  const data = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) data[y * w + x] = value(y, x);
  return { w, h, data };
}

const at = ({ w, data }: Grey, y: number, x: number) => data[y * w + x] as number;

/** (1 2 1; 2 4 2; 1 2 1), sum + 8 >> 4, mirrored without the border pixel. */
export function blurTwin(image: Grey): Grey {
  const mirror = (i: number, n: number) => (n === 1 ? 0 : i < 0 ? -i : i >= n ? 2 * n - 2 - i : i);
  return like(image, (y, x) => {
    let sum = 8;
    for (const dy of [-1, 0, 1])
      for (const dx of [-1, 0, 1])
        sum += (2 - Math.abs(dy)) * (2 - Math.abs(dx)) * at(image, mirror(y + dy, image.h), mirror(x + dx, image.w));
    return sum >> 4;
  });
}

function disk(radius: number): [dy: number, dx: number][] {
  const places: [number, number][] = [];
  for (let y = -radius; y <= radius; y++)
    for (let x = -radius; x <= radius; x++) if (x * x + y * y <= radius * radius) places.push([y, x]);
  return places;
}

/** Values of the image in a disk about a pixel; those outside the image are left out. */
function around(image: Grey, places: readonly [number, number][], y: number, x: number): number[] {
  return places
    .filter(([dy, dx]) => y + dy >= 0 && y + dy < image.h && x + dx >= 0 && x + dx < image.w)
    .map(([dy, dx]) => at(image, y + dy, x + dx));
}

/** Entropy in bits of the grey values in a disk. */
export function entropyTwin(image: Grey, radius: number): Float64Array {
  const places = disk(radius);
  const out = new Float64Array(image.w * image.h);
  for (let y = 0; y < image.h; y++)
    for (let x = 0; x < image.w; x++) {
      const values = around(image, places, y, x);
      const counts = new Map<number, number>();
      for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
      let e = 0;
      for (const c of counts.values()) e -= (c / values.length) * Math.log2(c / values.length);
      out[y * image.w + x] = e + 0;
    }
  return out;
}

/** Least or greatest value in a disk. */
function rank(image: Grey, radius: number, pick: (...values: number[]) => number): Grey {
  const places = disk(radius);
  return like(image, (y, x) => pick(...around(image, places, y, x)));
}

export function openingTwin(image: Grey, radius: number): Grey {
  return rank(rank(image, radius, Math.min), radius, Math.max);
}

/** Component of each pixel by flooding from seed to seed, numbered from 1 in the order of their first pixels; 0 elsewhere. */
export function labelTwin(mask: Grey, eight: boolean): Int32Array {
  const { w, h, data } = mask;
  const labels = new Int32Array(w * h);
  const steps = eight ? [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dy, dx])) : disk(1);
  let count = 0;
  for (let seed = 0; seed < w * h; seed++) {
    if (data[seed] === 0 || labels[seed] !== 0) continue;
    labels[seed] = ++count;
    const open = [seed];
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      for (const [dy, dx] of steps as [number, number][]) {
        const [y, x] = [Math.floor(i / w) + dy, (i % w) + dx];
        if (y < 0 || y >= h || x < 0 || x >= w || data[y * w + x] === 0 || labels[y * w + x] !== 0) continue;
        labels[y * w + x] = count;
        open.push(y * w + x);
      }
    }
  }
  return labels;
}

/** Background that no 4-connected path leads out of becomes part of the mask. */
export function fillTwin(mask: Grey): Grey {
  const background = labelTwin(
    like(mask, (y, x) => 255 - at(mask, y, x)),
    false,
  );
  const open = new Set([0]);
  for (let y = 0; y < mask.h; y++)
    for (let x = 0; x < mask.w; x++)
      if (y === 0 || x === 0 || y === mask.h - 1 || x === mask.w - 1) open.add(background[y * mask.w + x] as number);
  return like(mask, (y, x) => (at(mask, y, x) > 0 || !open.has(background[y * mask.w + x] as number) ? 255 : 0));
}

export function removeSmallTwin(mask: Grey, least: number): Grey {
  const labels = labelTwin(mask, false);
  const areas = new Map<number, number>();
  for (const label of labels) areas.set(label, (areas.get(label) ?? 0) + 1);
  return like(mask, (y, x) => {
    const label = labels[y * mask.w + x] as number;
    return label > 0 && (areas.get(label) as number) >= least ? 255 : 0;
  });
}

/** Otsu's threshold, 256 bins from least to most, in whole numbers of any size; null for a flat image. */
export function otsuTwin({ data }: Grey): number | null {
  const [least, most] = [data.reduce((a, b) => Math.min(a, b)), data.reduce((a, b) => Math.max(a, b))];
  if (least === most) return null;
  const bins = new Array<bigint>(256).fill(0n);
  for (const v of data) {
    const bin = Math.min(255, Math.floor(((v - least) * 256) / (most - least)));
    bins[bin] = (bins[bin] as bigint) + 1n;
  }
  const n = BigInt(data.length);
  const all = bins.reduce((sum, count, bin) => sum + count * BigInt(bin), 0n);
  let [weight, sum] = [0n, 0n];
  let best = { bin: 0, square: -1n, weights: 1n };
  for (let bin = 0; bin < 255; bin++) {
    weight += bins[bin] as bigint;
    sum += (bins[bin] as bigint) * BigInt(bin);
    if (weight === 0n || weight === n) continue;
    const square = (sum * n - weight * all) ** 2n;
    const weights = weight * (n - weight);
    if (square * best.weights > best.square * weights) best = { bin, square, weights };
  }
  return least + ((best.bin + 0.5) * (most - least)) / 256;
}
