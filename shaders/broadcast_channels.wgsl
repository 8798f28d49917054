// out[row,c] = source[c] * scale for every row, or, with SCALAR, source[0] * scale with zeros in the padding: the gradient of sums.
// out [rows,pitch]. One invocation: one element.
const WG: u32 = 64u;
const SCALAR: bool = false;

struct Params { rows: u32, channels: u32, pitch: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.rows * params.pitch) { return; }
  let c = i % params.pitch;
  var v = 0.0;
  if (c < params.channels) { v = params.scale * select(source[c], source[0], SCALAR); }
  out[i] = v;
}
