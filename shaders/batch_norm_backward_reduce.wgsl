// Reduces the shares of batch_norm_backward_sums in order: sums [2,4*c4] = sum g, sum g*xhat, and the same values as dBeta and dGamma [4*c4].
// One invocation: 4 channels.
const WG: u32 = 64u;

struct Params { c4: u32, splits: u32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> d_gamma: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> d_beta: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let c = gid.x;
  if (c >= params.c4) { return; }
  var sum_g = vec4f();
  var sum_gx = vec4f();
  for (var s = 0u; s < params.splits; s++) {
    sum_g += partials[s * 2u * params.c4 + c];
    sum_gx += partials[(s * 2u + 1u) * params.c4 + c];
  }
  sums[c] = sum_g;
  sums[params.c4 + c] = sum_gx;
  d_beta[c] = sum_g;
  d_gamma[c] = sum_gx;
}
