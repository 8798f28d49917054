// Numbers the components from 0 in the order of their first pixel, row by row: number[root]. One invocation per row.
const WG: u32 = 64u;

struct Params { w: u32, h: u32 }

@group(0) @binding(0) var<storage, read> parent: array<u32>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read_write> number: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (wid.y * nwg.x + wid.x) * WG + lid;
  if (row >= params.h) { return; }
  let base = 1u + row * params.w;
  var n = starts[row];
  for (var x = 0u; x < params.w; x++) {
    if (parent[base + x] == base + x) {
      number[base + x] = n;
      n++;
    }
  }
}
