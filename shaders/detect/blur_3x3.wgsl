// Gaussian blur 3x3 of a grey image of u8 values: (1 2 1; 2 4 2; 1 2 1) sum + 8 >> 4, edges mirrored without repeating the border
// pixel, as cv2.GaussianBlur(image, (3, 3), 0). image, y: 4 pixels per word, `words` words a row. One invocation per word: sums of
// two pixels at a time, 16 bits each (at most 16 * 255 + 8).
const WG: u32 = 64u;

struct Params { w: u32, h: u32, words: u32 }

@group(0) @binding(0) var<storage, read> image: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

const EVEN: u32 = 0x00ff00ffu;

fn mirror(i: i32, n: i32) -> u32 {
  let a = abs(i);
  return u32(clamp(select(a, 2 * n - 2 - a, a >= n), 0, n - 1));
}

// Rows of words: above, at and below the pixel.
fn vertical(rows: vec3u, column: i32) -> u32 {
  let x = mirror(column, i32(params.w));
  let shift = vec3u((x % 4u) * 8u);
  let words = vec3u(image[rows.x + x / 4u], image[rows.y + x / 4u], image[rows.z + x / 4u]);
  let v = (words >> shift) & vec3u(255u);
  return v.x + 2u * v.y + v.z;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.words * params.h) { return; }
  let row = i / params.words;
  let word = i % params.words;
  let h = i32(params.h);
  let rows = vec3u(mirror(i32(row) - 1, h), row, mirror(i32(row) + 1, h)) * params.words;
  let v = vec3u(image[rows.x + word], image[rows.y + word], image[rows.z + word]);
  // Vertical sums of the word's columns 0 and 2, and 1 and 3.
  var even = (v.x & EVEN) + 2u * (v.y & EVEN) + (v.z & EVEN);
  var odd = ((v.x >> 8u) & EVEN) + 2u * ((v.y >> 8u) & EVEN) + ((v.z >> 8u) & EVEN);
  let left = vertical(rows, i32(word * 4u) - 1);
  let right = vertical(rows, i32(min(word * 4u + 4u, params.w)));
  // Where the image ends within the word, its mirrored column follows at once.
  let columns = params.w - word * 4u;
  odd = select(odd, (odd & 0xffff0000u) | right, columns == 1u);
  even = select(even, (even & 0xffffu) | (right << 16u), columns == 2u);
  odd = select(odd, (odd & 0xffffu) | (right << 16u), columns == 3u);
  let half = 0x00080008u;
  let y_even = ((((odd << 16u) | left) + 2u * even + odd + half) >> 4u) & EVEN;
  let y_odd = ((even + 2u * odd + ((even >> 16u) | (right << 16u)) + half) >> 4u) & EVEN;
  let spare = select(0u, 0xffffffffu << ((columns & 3u) * 8u), columns < 4u);
  y[i] = (y_even | (y_odd << 8u)) & ~spare;
}
