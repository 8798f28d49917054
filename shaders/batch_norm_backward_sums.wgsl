// Partial sums for the backward of batch normalisation: partials[s,0,c] = sum of g, partials[s,1,c] = sum of g * xhat over the rows of share s,
// with g = dy (times 1 where the ReLU passed, if RELU) and xhat = (x - mean) * inv_std. These are dBeta and dGamma once reduced.
// x and dy [rows,4*c4], stats [3,4*c4], partials [splits,2,4*c4]. One invocation: 4 channels of one share.
const WG: u32 = 64u;
const RELU: bool = false;

struct Params { rows: u32, c4: u32, splits: u32, rows_per_split: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> stats: array<vec4f>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(4) var<storage, read> beta: array<vec4f>;
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
  let inv_std = stats[params.c4 + c];
  let scale = inv_std * gamma[c];
  let shift = beta[c];
  var sum_g = vec4f();
  var sum_gx = vec4f();
  for (var row = split * params.rows_per_split; row < end; row++) {
    let i = row * params.c4 + c;
    let d = (x[i] - origin) - mean;
    var g = dy[i];
    // The same expression as in batch_norm_apply, so that the mask is the one that was applied.
    if (RELU) { g = select(vec4f(), g, d * scale + shift > vec4f()); }
    sum_g += g;
    sum_gx += g * d;
  }
  partials[split * 2u * params.c4 + c] = sum_g;
  partials[(split * 2u + 1u) * params.c4 + c] = sum_gx * inv_std;
}
