// As copy_channels, where source or target has one channel and thus rows of one float: target[row, to + c] = source[row, from + c] for
// c < channels, and zeros up to channel `zero_to`. Pitches in floats. One invocation: one element of the target run.
const WG: u32 = 64u;

struct Params { rows: u32, channels: u32, source_pitch: u32, from_: u32, target_pitch: u32, to: u32, zero_to: u32 }

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> target_: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let run = params.zero_to - params.to;
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.rows * run) { return; }
  let c = i % run;
  let row = i / run;
  var v = 0.0;
  if (c < params.channels) { v = source[row * params.source_pitch + params.from_ + c]; }
  target_[row * params.target_pitch + params.to + c] = v;
}
