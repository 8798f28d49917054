// Gaussian blur 3x3 of a grey image of u8 values: (1 2 1; 2 4 2; 1 2 1) sum + 8 >> 4, edges mirrored without repeating the border
// pixel, as cv2.GaussianBlur(image, (3, 3), 0). image, y: 4 pixels per word, `words` words a row. One invocation per word.
const WG: u32 = 64u;

struct Params { w: u32, h: u32, words: u32 }

@group(0) @binding(0) var<storage, read> image: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

fn mirror(i: i32, n: i32) -> u32 {
  let a = abs(i);
  return u32(clamp(select(a, 2 * n - 2 - a, a >= n), 0, n - 1));
}

fn pixel(row: u32, column: i32) -> u32 {
  let x = mirror(column, i32(params.w));
  return (image[row * params.words + x / 4u] >> ((x % 4u) * 8u)) & 255u;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.words * params.h) { return; }
  let row = i32(i / params.words);
  let x = i32(i % params.words) * 4;
  let above = mirror(row - 1, i32(params.h));
  let below = mirror(row + 1, i32(params.h));
  // Vertical sums of six neighbouring columns.
  var s = array<u32, 6>();
  for (var k = 0; k < 6; k++) {
    let c = x + k - 1;
    s[k] = pixel(above, c) + 2u * pixel(u32(row), c) + pixel(below, c);
  }
  var word = 0u;
  for (var k = 0u; k < 4u; k++) {
    let value = (s[k] + 2u * s[k + 1u] + s[k + 2u] + 8u) >> 4u;
    word |= select(0u, value, u32(x) + k < params.w) << (8u * k);
  }
  y[i] = word;
}
