// Cosine similarities for NT-Xent: s[i,j] = u[i,:] . u[j,:], the diagonal included. u [m,4*c4] of unit vectors, s [m,m] without padding.
// Channels are added in order, so s[i,j] and s[j,i] are the same bits. One invocation: one pair.
const WG: u32 = 64u;

struct Params { m: u32, c4: u32 }

@group(0) @binding(0) var<storage, read> u: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> s: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let pair = (wid.y * nwg.x + wid.x) * WG + lane;
  if (pair >= params.m * params.m) { return; }
  let i = pair / params.m;
  let j = pair - i * params.m;
  var sum = vec4f();
  for (var c = 0u; c < params.c4; c++) { sum += u[i * params.c4 + c] * u[j * params.c4 + c]; }
  s[pair] = (sum.x + sum.y) + (sum.z + sum.w);
}
