// y = (x - mean) * (inv_std * gamma) + beta per channel, plus `add` if ADD, then ReLU if RELU (NaN stays NaN).
// x, add and y [rows,4*c4], stats [3,4*c4] (origin, inv_std, mean - origin), gamma and beta [4*c4].
// gamma and beta are zero in padded channels, so y is too. One invocation: 4 channels of STEPS consecutive rows.
const WG: u32 = 64u;
const STEPS: u32 = 16u;
const RELU: bool = false;
const ADD: bool = false;

struct Params { rows: u32, c4: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> stats: array<vec4f>;
@group(0) @binding(2) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(3) var<storage, read> beta: array<vec4f>;
@group(0) @binding(4) var<storage, read> add: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let c = item % params.c4;
  let begin = (item / params.c4) * STEPS;
  if (begin >= params.rows) { return; }
  let end = min(begin + STEPS, params.rows);
  let origin = stats[c];
  let mean = stats[2u * params.c4 + c];
  let scale = stats[params.c4 + c] * gamma[c];
  let shift = beta[c];
  for (var row = begin; row < end; row++) {
    let i = row * params.c4 + c;
    var v = ((x[i] - origin) - mean) * scale + shift;
    if (ADD) { v += add[i]; }
    if (RELU) { v = select(v, vec4f(), v <= vec4f()); }
    y[i] = v;
  }
}
