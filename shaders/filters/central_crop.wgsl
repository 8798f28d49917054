// Central part of square images: y[n,r,c] = x[n,r+margin,c+margin]. x [n,size,size], y [n,small,small], one channel.
// One invocation: one output pixel.
const WG: u32 = 64u;

struct Params { n: u32, size: u32, small: u32, margin: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.n * params.small * params.small) { return; }
  let column = i % params.small + params.margin;
  let row = (i / params.small) % params.small + params.margin;
  let image = i / (params.small * params.small);
  y[i] = x[(image * params.size + row) * params.size + column];
}
