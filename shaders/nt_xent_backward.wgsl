// Gradient of the mean NT-Xent loss: with p[i,j] = exp(s[i,j] * sharpness - log_sums[i]) and w[i,j] = p[i,j] + p[j,i] - 2 * [j is i's partner],
// dz[i,:] = d_loss * weight * scale * sharpness * inverse[i] * sum over j != i of w[i,j] * (u[j,:] - s[i,j] * u[i,:]), where scale is 1 / m: the
// second term is what normalising takes away. u and dz [m,4*c4], s [m,m]. One invocation: four channels of one vector.
const WG: u32 = 64u;

struct Params { m: u32, c4: u32, sharpness: f32, scale: f32 }

@group(0) @binding(0) var<storage, read> u: array<vec4f>;
@group(0) @binding(1) var<storage, read> inverse: array<f32>;
@group(0) @binding(2) var<storage, read> s: array<f32>;
@group(0) @binding(3) var<storage, read> log_sums: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> d_loss: array<f32>;
@group(0) @binding(6) var<storage, read_write> dz: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  if (index >= params.m * params.c4) { return; }
  let i = index / params.c4;
  let c = index - i * params.c4;
  let partner = (i + params.m / 2u) % params.m;
  let own = u[index];
  let log_sum = log_sums[i];
  var sum = vec4f();
  for (var j = 0u; j < params.m; j++) {
    if (j != i) {
      let cosine = s[i * params.m + j];
      let logit = cosine * params.sharpness;
      let w = exp(logit - log_sum) + exp(logit - log_sums[j]) - select(0.0, 2.0, j == partner);
      sum += w * (u[j * params.c4 + c] - cosine * own);
    }
  }
  dz[index] = sum * (d_loss[0] * weight[0] * params.scale * params.sharpness * inverse[i]);
}
