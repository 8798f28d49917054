// Connected components, step 2: joins the runs of each row with those of the row above that touch them, 4- or (EIGHT) 8-connected.
// A node's root is its component's smallest node; joining sets the larger root's parent to the smaller one (union-find with
// atomicMin, whose outcome does not depend on the order). parent as component_runs leaves it. One invocation per row.
const WG: u32 = 64u;
const EIGHT: bool = false;

struct Params { w: u32, h: u32 }

@group(0) @binding(0) var<storage, read_write> parent: array<atomic<u32>>;
@group(0) @binding(1) var<uniform> params: Params;

fn root(node: u32) -> u32 {
  var at = node;
  loop {
    let next = atomicLoad(&parent[at]);
    if (next == at) { return at; }
    at = next;
  }
}

fn join(first: u32, second: u32) {
  var a = root(first);
  var b = root(second);
  while (a != b) {
    let large = max(a, b);
    let small = min(a, b);
    let old = atomicMin(&parent[large], small);
    if (old == large) { return; }
    // Somebody else has given it another parent meanwhile: that one must be joined too.
    a = root(old);
    b = root(small);
  }
}

fn is_set(node: u32) -> bool { return atomicLoad(&parent[node]) != 0xffffffffu; }

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (wid.y * nwg.x + wid.x) * WG + lid + 1u;
  if (row >= params.h) { return; }
  let base = 1u + row * params.w;
  let up = base - params.w;
  var left = false;
  var left_up = false;
  var above = is_set(up);
  for (var x = 0u; x < params.w; x++) {
    let here = is_set(base + x);
    let right_up = x + 1u < params.w && is_set(up + x + 1u);
    if (here && above && !(left && left_up)) { join(base + x, up + x); }
    if (EIGHT && here && !above) {
      if (left_up && !left) { join(base + x, up + x - 1u); }
      if (right_up) { join(base + x, up + x + 1u); }
    }
    left = here;
    left_up = above;
    above = right_up;
  }
}
