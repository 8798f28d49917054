// A matrix of one column between its layouts in memory, one float a row (as [rows,1] lies) and one vec4 a row (as the product kernels
// read it): target[row,0] = source[row,0], target[row,c] = 0 for all other c. Pitches in floats, one of them 1. One invocation: one element of the target.
const WG: u32 = 64u;

struct Params { rows: u32, source_pitch: u32, target_pitch: u32 }

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> target_: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.rows * params.target_pitch) { return; }
  target_[i] = select(0.0, source[i / params.target_pitch * params.source_pitch], i % params.target_pitch == 0u);
}
