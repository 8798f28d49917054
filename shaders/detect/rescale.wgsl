// Entropy to grey values: round-half-even((e - min) / (max - min) * 255), exactly, by the limits of rescale_table.
// A flat image (max = min) becomes 0. y: 4 u8 pixels per word. One invocation per word.
const WG: u32 = 64u;

struct Params { w: u32, h: u32, words: u32 }

@group(0) @binding(0) var<storage, read> hi: array<u32>;
@group(0) @binding(1) var<storage, read> lo: array<u32>;
@group(0) @binding(2) var<storage, read> limits: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

fn less(a: vec2u, b: vec2u) -> bool { return a.x < b.x || (a.x == b.x && a.y < b.y); }

// Whether e belongs above limit k: on the limit itself the even one of k and k + 1 is taken.
fn above(e: vec2u, k: u32) -> bool {
  let limit = limits[k];
  if (e.x == limit.x && e.y == limit.y && limit.z == 1u) { return k % 2u == 1u; }
  return less(limit.xy, e);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.words * params.h) { return; }
  let row = i / params.words;
  let x = (i % params.words) * 4u;
  let least = limits[255].xy;
  let range = limits[255].zw;
  let factor = 255.0 / (f32(range.x) + f32(range.y) / 4294967296.0);
  var word = 0u;
  for (var k = 0u; k < min(4u, params.w - x); k++) {
    let at = row * params.w + x + k;
    let e = vec2u(hi[at] - least.x - select(0u, 1u, lo[at] < least.y), lo[at] - least.y);
    var value = 0u;
    if (range.x > 0u || range.y > 0u) {
      // Single precision comes within one grey value; the limits decide.
      value = min(u32(f32(e.x) * factor + 0.5), 255u);
      if (value < 255u && above(e, value)) { value++; }
      if (value > 0u && !above(e, value - 1u)) { value--; }
    }
    word |= value << (8u * k);
  }
  y[i] = word;
}
