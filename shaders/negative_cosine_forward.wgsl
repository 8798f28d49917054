// Negative cosine similarity per pair: losses[i] = -(u[i,:] . v[i,:]), of unit vectors (or zeros). u and v [m,4*c4]. One invocation: one pair.
const WG: u32 = 64u;

struct Params { m: u32, c4: u32 }

@group(0) @binding(0) var<storage, read> u: array<vec4f>;
@group(0) @binding(1) var<storage, read> v: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let i = gid.x;
  if (i >= params.m) { return; }
  var sum = vec4f();
  for (var c = 0u; c < params.c4; c++) { sum += u[i * params.c4 + c] * v[i * params.c4 + c]; }
  losses[i] = -((sum.x + sum.y) + (sum.z + sum.w));
}
