// Connected components, step 1: every pixel of the set points to the first pixel of its run in its row. The set is the mask's
// pixels, or with HOLES its background, and then runs that touch the image's border point to node 0, the outside.
// mask: 4 u8 pixels per word, not 0 = in the mask. parent [1 + w*h]: node 1 + y*w + x, or 0xffffffff outside the set.
// One invocation per row.
const WG: u32 = 64u;
const HOLES: bool = false;

struct Params { w: u32, h: u32, words: u32 }

@group(0) @binding(0) var<storage, read> mask: array<u32>;
@group(0) @binding(1) var<storage, read_write> parent: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (wid.y * nwg.x + wid.x) * WG + lid;
  if (row >= params.h) { return; }
  if (row == 0u) { parent[0] = 0u; }
  let at_edge = row == 0u || row == params.h - 1u;
  let base = 1u + row * params.w;
  var inside = false;
  var start = 0u;
  for (var x = 0u; x < params.w; x++) {
    let member = ((mask[row * params.words + x / 4u] >> ((x % 4u) * 8u)) & 255u) != 0u;
    if (member == HOLES) {
      parent[base + x] = 0xffffffffu;
      inside = false;
    } else {
      if (!inside) { start = x; }
      inside = true;
      parent[base + x] = base + start;
    }
  }
  if (HOLES) {
    // The first pixel of a run speaks for all of it.
    if (parent[base] == base) { parent[base] = 0u; }
    for (var x = 1u; at_edge && x < params.w; x++) {
      if (parent[base + x] == base + x) { parent[base + x] = 0u; }
    }
    if (inside) { parent[base + start] = 0u; }
  }
}
