// y[n] = x[n] + factor * row: one vector added to each row. x, y [n,pitch], row [pitch] with zeros in its padding, factor [1]; `count` in vec4,
// `pitch4` vec4 per row. The gradient of x is that of y, so there is no backward kernel; row and factor have none. One invocation: one vec4.
const WG: u32 = 64u;

struct Params { count: u32, pitch4: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> row: array<vec4f>;
@group(0) @binding(2) var<storage, read> factor: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.count) { return; }
  y[i] = x[i] + params.scale * factor[0] * row[i % params.pitch4];
}
