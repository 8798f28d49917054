// Views of u8 patches as floats: y[v,pixel] = patch[source[v],pixel] / 255, then (y - offset) * scale (0 and 1 where nothing follows).
// patches [patch,words]: four row-major pixels to a word, the first in the low byte. y [v,words] as vec4. One invocation: one word of a view.
const WG: u32 = 64u;

struct Params { count: u32, words: u32, offset: f32, scale: f32 }

@group(0) @binding(0) var<storage, read> patches: array<u32>;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.count) { return; }
  let word = patches[source[i / params.words] * params.words + i % params.words];
  let grey = vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u)) / 255.0;
  y[i] = (grey - params.offset) * params.scale;
}
