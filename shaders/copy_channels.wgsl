// Copies a run of channels: target[row, to + c] = source[row, from + c] for c < channels, and zeros up to channel `zero_to`; all other channels
// keep what they hold. Channel concatenation, slicing, and their gradients. Works on whole vec4 of the target: SHIFT = (from - to) mod 4 says
// how two vec4 of the source make one. Pitches in vec4, `columns` = vec4 per row that the run touches.
// One invocation: one such column of STEPS consecutive rows.
const WG: u32 = 64u;
const STEPS: u32 = 16u;
const SHIFT: u32 = 0u;

struct Params { rows: u32, columns: u32, channels: u32, source_pitch: u32, from_: u32, target_pitch: u32, to: u32, zero_to: u32 }

@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let column = params.to / 4u + item % params.columns;
  let begin = (item / params.columns) * STEPS;
  if (begin >= params.rows) { return; }
  let end = min(begin + STEPS, params.rows);
  let channel = vec4u(4u * column) + vec4u(0u, 1u, 2u, 3u);
  let copied = (channel >= vec4u(params.to)) & (channel < vec4u(params.to + params.channels));
  let kept = (channel < vec4u(params.to)) | (channel >= vec4u(params.zero_to));
  let any_kept = any(kept);
  // The source's vec4 that holds the channel of the first component, which may lie before its row where nothing is copied to it.
  let first = (i32(4u * column + params.from_) - i32(params.to)) >> 2u;
  let last = i32(params.source_pitch) - 1;
  let one = u32(clamp(first, 0, last));
  let two = u32(clamp(first + 1, 0, last));
  for (var row = begin; row < end; row++) {
    let a = source[row * params.source_pitch + one];
    var v = a;
    if (SHIFT != 0u) {
      let b = source[row * params.source_pitch + two];
      if (SHIFT == 1u) { v = vec4f(a.yzw, b.x); }
      if (SHIFT == 2u) { v = vec4f(a.zw, b.xy); }
      if (SHIFT == 3u) { v = vec4f(a.w, b.xyz); }
    }
    v = select(vec4f(), v, copied);
    let j = row * params.target_pitch + column;
    if (any_kept) { v = select(v, target_[j], kept); }
    target_[j] = v;
  }
}
