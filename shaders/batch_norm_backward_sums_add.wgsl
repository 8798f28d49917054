// As batch_norm_backward_sums, where something was added to the result before the ReLU: y (the output) tells where the ReLU passed, and
// g = dy (times 1 where it passed, if RELU) is stored, for it is the gradient of what was added, and all that batch_norm_backward_input needs.
// x, y, dy and g_out [rows,4*c4], stats [3,4*c4], partials [splits,2,4*c4] = sum of g, sum of g * xhat. One invocation: 4 channels of one share.
const WG: u32 = 64u;
const RELU: bool = false;

struct Params { rows: u32, c4: u32, splits: u32, rows_per_split: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> stats: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> g_out: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  if (item >= params.c4 * params.splits) { return; }
  let c = item % params.c4;
  let split = item / params.c4;
  let end = min((split + 1u) * params.rows_per_split, params.rows);
  let origin = stats[c];
  let mean = stats[2u * params.c4 + c];
  var sum_g = vec4f();
  var sum_gx = vec4f();
  for (var row = split * params.rows_per_split; row < end; row++) {
    let i = row * params.c4 + c;
    var g = dy[i];
    if (RELU) { g = select(vec4f(), g, y[i] > vec4f()); }
    g_out[i] = g;
    sum_g += g;
    sum_gx += g * ((x[i] - origin) - mean);
  }
  partials[split * 2u * params.c4 + c] = sum_g;
  partials[(split * 2u + 1u) * params.c4 + c] = sum_gx * stats[params.c4 + c];
}
