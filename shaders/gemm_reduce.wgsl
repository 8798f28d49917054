// out[i] = bias[i % n4] + sum over s of partials[s * count + i], in the order of s: the second half of a matrix product that is
// split over k. `count` and `n4` in vec4. One invocation computes one vec4.
const WG: u32 = 64u;

struct Params { count: u32, splits: u32, n4: u32, has_bias: u32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read> bias: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.count) { return; }
  var sum = vec4f();
  for (var s = 0u; s < params.splits; s++) { sum += partials[s * params.count + i]; }
  if (params.has_bias == 1u) { sum += bias[i % params.n4]; }
  out[i] = sum;
}
