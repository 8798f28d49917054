// Gradient of the sum of share * log(share * k): dy[r,i] = d_loss * weight * per_sample * (log(share[r] * k) + 1), the same for all samples; a share
// below TINY counts as that, so that the gradient is finite. dy [rows,n] with rows of `columns`, zeros from n on. One invocation: one value.
const WG: u32 = 64u;
const TINY: f32 = 1e-30;

struct Params { rows: u32, n: u32, columns: u32, k: f32, per_sample: f32 }

@group(0) @binding(0) var<storage, read> share: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> d_loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> dy: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  if (index >= params.rows * params.columns) { return; }
  let r = index / params.columns;
  let used = max(share[r], TINY);
  let value = d_loss[0] * weight[0] * params.per_sample * (log(used * params.k) + 1.0);
  dy[index] = select(0.0, value, index - r * params.columns < params.n);
}
