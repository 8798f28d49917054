// Connected components, step 3: every pixel of the set points to its component's root, and area[root] counts its pixels (AREAS;
// zero before). parent as component_merge leaves it. One invocation per row.
const WG: u32 = 64u;
const AREAS: bool = false;

struct Params { w: u32, h: u32 }

@group(0) @binding(0) var<storage, read_write> parent: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read_write> area: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

fn root(node: u32) -> u32 {
  var at = node;
  loop {
    let next = atomicLoad(&parent[at]);
    if (next == at) { return at; }
    at = next;
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (wid.y * nwg.x + wid.x) * WG + lid;
  if (row >= params.h) { return; }
  let base = 1u + row * params.w;
  var inside = false;
  var node = 0u;
  var length = 0u;
  for (var x = 0u; x < params.w; x++) {
    if (atomicLoad(&parent[base + x]) == 0xffffffffu) {
      if (AREAS && inside) { atomicAdd(&area[node], length); }
      inside = false;
      length = 0u;
    } else {
      if (!inside) { node = root(base + x); }
      inside = true;
      length++;
      atomicStore(&parent[base + x], node);
    }
  }
  if (AREAS && inside) { atomicAdd(&area[node], length); }
}
