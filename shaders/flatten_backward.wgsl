// Gradient of flattening: dx[n,p,c] = dy[n, c*pixels + p], zeros in the padding. dy [n,vector_pitch], dx [n,pixels,image_pitch].
// For any number of pixels; flatten_quads is faster. One invocation: one element of dx.
const WG: u32 = 64u;

struct Params { n: u32, pixels: u32, channels: u32, image_pitch: u32, vector_pitch: u32 }

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.n * params.pixels * params.image_pitch) { return; }
  let c = i % params.image_pitch;
  let p = (i / params.image_pitch) % params.pixels;
  let n = i / (params.image_pitch * params.pixels);
  var v = 0.0;
  if (c < params.channels) { v = dy[n * params.vector_pitch + c * params.pixels + p]; }
  dx[i] = v;
}
