// Mask of the pixels above Otsu's threshold: 255, others 0. otsu as otsu_threshold writes it; 4 u8 pixels per word, one invocation per word.
const WG: u32 = 64u;

struct Params { w: u32, h: u32, words: u32 }

@group(0) @binding(0) var<storage, read> image: array<u32>;
@group(0) @binding(1) var<storage, read> otsu: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.words * params.h) { return; }
  let x = (i % params.words) * 4u;
  let word = image[i];
  let first = otsu[0];
  var mask = 0u;
  for (var k = 0u; k < min(4u, params.w - x); k++) {
    mask |= select(0u, 255u, ((word >> (8u * k)) & 255u) >= first) << (8u * k);
  }
  y[i] = mask;
}
