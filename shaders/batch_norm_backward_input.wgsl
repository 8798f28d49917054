// dx of batch normalisation (and of the ReLU fused behind it, if RELU).
// TRAINING: dx = gamma * inv_std * (g - sum_g/rows - xhat * sum_gx/rows); else the statistics are constants and dx = gamma * inv_std * g.
// x, dy, dx [rows,4*c4], stats [3,4*c4], sums [2,4*c4]. One invocation: 4 channels of STEPS consecutive rows.
const WG: u32 = 64u;
const STEPS: u32 = 16u;
const RELU: bool = false;
const TRAINING: bool = true;

struct Params { rows: u32, c4: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> stats: array<vec4f>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(4) var<storage, read> beta: array<vec4f>;
@group(0) @binding(5) var<storage, read> sums: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let c = item % params.c4;
  let begin = (item / params.c4) * STEPS;
  if (begin >= params.rows) { return; }
  let end = min(begin + STEPS, params.rows);
  let origin = stats[c];
  let mean = stats[2u * params.c4 + c];
  let inv_std = stats[params.c4 + c];
  let scale = inv_std * gamma[c];
  let shift = beta[c];
  let mean_g = sums[c] / f32(params.rows);
  let slope = sums[params.c4 + c] * inv_std / f32(params.rows);
  for (var row = begin; row < end; row++) {
    let i = row * params.c4 + c;
    let d = (x[i] - origin) - mean;
    var g = dy[i];
    if (RELU) { g = select(vec4f(), g, d * scale + shift > vec4f()); }
    if (TRAINING) { g = g - mean_g - d * slope; }
    dx[i] = g * scale;
  }
}
