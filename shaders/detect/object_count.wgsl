// How many components begin in each row (their roots, the smallest nodes, lie there): starts[row]. One invocation per row.
const WG: u32 = 64u;

struct Params { w: u32, h: u32 }

@group(0) @binding(0) var<storage, read> parent: array<u32>;
@group(0) @binding(1) var<storage, read_write> starts: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (wid.y * nwg.x + wid.x) * WG + lid;
  if (row >= params.h) { return; }
  let base = 1u + row * params.w;
  var n = 0u;
  for (var x = 0u; x < params.w; x++) { n += select(0u, 1u, parent[base + x] == base + x); }
  starts[row] = n;
}
