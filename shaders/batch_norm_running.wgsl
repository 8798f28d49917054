// Statistics for batch normalisation in evaluation: stats [3,4*c4] = running_mean, 1/sqrt(running_var + eps), 0. One invocation: 4 channels.
const WG: u32 = 64u;

struct Params { c4: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> running_mean: array<vec4f>;
@group(0) @binding(1) var<storage, read> running_var: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let c = gid.x;
  if (c >= params.c4) { return; }
  stats[c] = running_mean[c];
  stats[params.c4 + c] = 1.0 / sqrt(running_var[c] + params.eps);
  stats[2u * params.c4 + c] = vec4f();
}
