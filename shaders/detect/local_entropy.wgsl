// Shannon entropy, bits, of the grey values in a disk about each pixel; only pixels inside the image count (as
// skimage.filters.rank.entropy): e = log2 N - (1/N) * sum over values of c log2 c, c = how often the value occurs.
// image: 4 u8 pixels per word. hi, lo [h, w]: e in fixed point, 4 integer and 60 fraction bits over both words, so that the
// rescaling behind it rounds as double precision does.
// table: for c = 0.. the number c log2 c, then for n = 0.. the number log2 n, then for c = 0.. the difference of the numbers for
// c + 1 and c, each as (hi, lo) with 48 fraction bits. AREA: pixels of the disk.
// One invocation slides the histogram along `span` pixels of a row; the sum is of integers, so nothing drifts.
const WG: u32 = 64u;
const R: i32 = 3;
const AREA: u32 = 29u;

struct Params { w: u32, h: u32, words: u32, span: u32, spans: u32, entries: u32 }

@group(0) @binding(0) var<storage, read> image: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> hi: array<u32>;
@group(0) @binding(3) var<storage, read_write> lo: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

var<private> counts: array<u32, 256>;
var<private> total: vec2u;
var<private> inside: u32;

fn half_width(dy: i32) -> i32 {
  var x = 0;
  while ((x + 1) * (x + 1) + dy * dy <= R * R) { x++; }
  return x;
}

fn add(a: vec2u, b: vec2u) -> vec2u {
  let low = a.y + b.y;
  return vec2u(a.x + b.x + select(0u, 1u, low < a.y), low);
}

fn subtract(a: vec2u, b: vec2u) -> vec2u {
  return vec2u(a.x - b.x - select(0u, 1u, a.y < b.y), a.y - b.y);
}

fn change(row: i32, column: i32, enters: bool) {
  if (row < 0 || row >= i32(params.h) || column < 0 || column >= i32(params.w)) { return; }
  let value = (image[u32(row) * params.words + u32(column) / 4u] >> ((u32(column) % 4u) * 8u)) & 255u;
  let before = counts[value];
  if (enters) {
    counts[value] = before + 1u;
    inside++;
    total = add(total, table[2u * params.entries + before]);
  } else {
    counts[value] = before - 1u;
    inside--;
    total = subtract(total, table[2u * params.entries + before - 1u]);
  }
}

// a / n for n < 2^16, 64 bits by 16 at a time.
fn divide(a: vec2u, n: u32) -> vec2u {
  let q3 = a.x / n;
  let r3 = ((a.x % n) << 16u) | (a.y >> 16u);
  let q1 = r3 / n;
  let r1 = ((r3 % n) << 16u) | (a.y & 0xffffu);
  return vec2u(q3, (q1 << 16u) | (r1 / n));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  if (item >= params.spans * params.h) { return; }
  let y = i32(item % params.h);
  let first = i32((item / params.h) * params.span);
  let end = min(first + i32(params.span), i32(params.w));
  for (var dy = -R; dy <= R; dy++) {
    let half = half_width(dy);
    for (var x = first - half; x <= first + half; x++) { change(y + dy, x, true); }
  }
  for (var x = first; x < end; x++) {
    if (x > first) {
      for (var dy = -R; dy <= R; dy++) {
        let half = half_width(dy);
        change(y + dy, x - 1 - half, false);
        change(y + dy, x + half, true);
      }
    }
    // One value only: exactly 0, whatever the table's last digit.
    let flat = all(total == table[inside]);
    // Divided by a constant, which takes no division; near the border by how many pixels there are. As a loop, because adapters
    // on the processor compute both sides of an `if`.
    var mean = divide(total, AREA);
    for (var rare = inside != AREA; rare; rare = false) { mean = divide(total, inside); }
    let e = select(subtract(table[params.entries + inside], mean), vec2u(), flat);
    let at = u32(y) * params.w + u32(x);
    hi[at] = (e.x << 12u) | (e.y >> 20u);
    lo[at] = e.y << 12u;
  }
}
