// Flattens an image in torch's order: y[n, c*pixels + p] = x[n,p,c]. x [n,pixels,image_pitch], y [n,vector_pitch] with zeros in the padding.
// For any number of pixels; flatten_quads is faster. One invocation: one element of y.
const WG: u32 = 64u;

struct Params { n: u32, pixels: u32, channels: u32, image_pitch: u32, vector_pitch: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.n * params.vector_pitch) { return; }
  let n = i / params.vector_pitch;
  let j = i % params.vector_pitch;
  var v = 0.0;
  if (j < params.pixels * params.channels) {
    v = x[(n * params.pixels + j % params.pixels) * params.image_pitch + j / params.pixels];
  }
  y[i] = v;
}
