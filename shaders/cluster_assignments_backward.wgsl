// Gradient of the columns of assignment matrices: with p and dp the values of y and dy at a sample, d_logits[r,c] = p[c] * (dp[c] - sum over j of
// p[j] * dp[j]). y and dy [2*k,n] with rows of `columns`, d_logits [2*n,k] with rows of `pitch` (zeros from k on). One invocation: one sample.
const WG: u32 = 64u;

struct Params { n: u32, k: u32, pitch: u32, columns: u32 }

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> d_logits: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let r = (wid.y * nwg.x + wid.x) * WG + lane;
  if (r >= 2u * params.n) { return; }
  let view = r / params.n;
  let first = view * params.k * params.columns + r - view * params.n;
  var inner = 0.0;
  for (var c = 0u; c < params.k; c++) {
    let at = first + c * params.columns;
    inner += y[at] * dy[at];
  }
  for (var c = 0u; c < params.pitch; c++) {
    let at = first + c * params.columns;
    var value = 0.0;
    if (c < params.k) { value = y[at] * (dy[at] - inner); }
    d_logits[r * params.pitch + c] = value;
  }
}
