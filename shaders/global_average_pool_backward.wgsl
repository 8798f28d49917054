// Gradient of global average pooling: dx[n,pixel,c] = dy[n,c] / pixels. dy [n,4*c4], dx [n,pixels,4*c4].
// One invocation: 4 channels of up to STEPS consecutive pixels of one image; an image has `runs` such shares.
const WG: u32 = 64u;
const STEPS: u32 = 16u;

struct Params { n: u32, pixels: u32, c4: u32, runs: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let c = item % params.c4;
  let rest = item / params.c4;
  let n = rest / params.runs;
  if (n >= params.n) { return; }
  let begin = (rest % params.runs) * STEPS;
  let end = min(begin + STEPS, params.pixels);
  let g = dy[n * params.c4 + c] / f32(params.pixels);
  for (var p = begin; p < end; p++) { dx[(n * params.pixels + p) * params.c4 + c] = g; }
}
