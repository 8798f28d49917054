// Columns of the assignment matrices of two views: with p[r,:] = softmax(logits[r,:]), y[v*k + c, i] = p[v*n + i, c] for view v < 2, sample
// i < n and cluster c < k. logits [2*n,k] with rows of `pitch`, y [2*k,n] with rows of `columns` (zeros from n on). One invocation: one sample.
const WG: u32 = 64u;

struct Params { n: u32, k: u32, pitch: u32, columns: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  if (index >= 2u * params.columns) { return; }
  let view = index / params.columns;
  let i = index - view * params.columns;
  let out = view * params.k * params.columns + i;
  if (i >= params.n) {
    for (var c = 0u; c < params.k; c++) { y[out + c * params.columns] = 0.0; }
    return;
  }
  let row = (view * params.n + i) * params.pitch;
  var largest = logits[row];
  for (var c = 1u; c < params.k; c++) { largest = max(largest, logits[row + c]); }
  var sum = 0.0;
  for (var c = 0u; c < params.k; c++) { sum += exp(logits[row + c] - largest); }
  for (var c = 0u; c < params.k; c++) { y[out + c * params.columns] = exp(logits[row + c] - largest) / sum; }
}
