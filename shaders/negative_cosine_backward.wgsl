// Gradient of the mean negative cosine similarity by the first vectors: dp[i,:] = -d_loss * weight * scale * inverse[i] * (v[i,:] + losses[i] * u[i,:]),
// where scale is 1 / m and -losses[i] the cosine; the second vectors get none. u, v and dp [m,4*c4]. One invocation: four channels of one vector.
const WG: u32 = 64u;

struct Params { m: u32, c4: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> u: array<vec4f>;
@group(0) @binding(1) var<storage, read> inverse: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read> losses: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> d_loss: array<f32>;
@group(0) @binding(6) var<storage, read_write> dp: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  if (index >= params.m * params.c4) { return; }
  let i = index / params.c4;
  dp[index] = (v[index] + losses[i] * u[index]) * (-d_loss[0] * weight[0] * params.scale * inverse[i]);
}
