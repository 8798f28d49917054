// Adds to a mask the background that does not reach the image's border: parent is of the background (component_roots), root 0 the
// outside. mask, y: 4 u8 pixels per word, 0 or 255. One invocation per word.
const WG: u32 = 64u;

struct Params { w: u32, h: u32, words: u32 }

@group(0) @binding(0) var<storage, read> mask: array<u32>;
@group(0) @binding(1) var<storage, read> parent: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.words * params.h) { return; }
  let x = (i % params.words) * 4u;
  let node = 1u + (i / params.words) * params.w + x;
  var word = mask[i];
  for (var k = 0u; k < min(4u, params.w - x); k++) {
    let p = parent[node + k];
    if (p != 0u && p != 0xffffffffu) { word |= 255u << (8u * k); }
  }
  y[i] = word;
}
