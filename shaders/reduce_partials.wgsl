// out[i] = scale * sum over s of partials[s * count + i], in the order of s: the second half of every split reduction.
// `count` in vec4. One invocation computes one vec4.
const WG: u32 = 64u;

struct Params { count: u32, splits: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.count) { return; }
  var sum = vec4f();
  for (var s = 0u; s < params.splits; s++) { sum += partials[s * params.count + i]; }
  out[i] = sum * params.scale;
}
