// How far clusters are from being used alike, per cluster: share[r] = mean over samples i of y[r,i], terms[r] = share[r] * log(share[r] * k); a
// cluster that nothing belongs to has the term 0. y [rows,n] with rows of 4*c4, zeros in the padding. One invocation: one cluster of one view.
const WG: u32 = 64u;

struct Params { rows: u32, c4: u32, k: f32, per_sample: f32 }

@group(0) @binding(0) var<storage, read> y: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> share: array<f32>;
@group(0) @binding(2) var<storage, read_write> terms: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let r = gid.x;
  if (r >= params.rows) { return; }
  var sum = vec4f();
  for (var c = 0u; c < params.c4; c++) { sum += y[r * params.c4 + c]; }
  let mean = ((sum.x + sum.y) + (sum.z + sum.w)) * params.per_sample;
  share[r] = mean;
  // NaN is not equal to 0, and stays NaN.
  terms[r] = select(mean * log(mean * params.k), 0.0, mean == 0.0);
}
