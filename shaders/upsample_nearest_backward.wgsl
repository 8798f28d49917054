// Gradient of nearest up-sampling: dx[n,iy,ix,c] = sum of dy over the FACTOR x FACTOR square that came from it.
// dy [n,h*FACTOR,w*FACTOR,4*c4], dx [n,h,w,4*c4]. One invocation: 4 channels of STEPS consecutive input pixels.
const WG: u32 = 64u;
const STEPS: u32 = 16u;
const FACTOR: u32 = 2u;

struct Params { n: u32, h: u32, w: u32, c4: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let c4 = params.c4;
  let c = item % c4;
  let begin = (item / c4) * STEPS;
  let pixels = params.n * params.h * params.w;
  if (begin >= pixels) { return; }
  let end = min(begin + STEPS, pixels);
  let width = params.w * FACTOR;
  var ix = begin % params.w;
  var o = ((begin / params.w) * FACTOR * width + ix * FACTOR) * c4 + c;
  for (var p = begin; p < end; p++) {
    var sum = vec4f();
    for (var e = 0u; e < FACTOR * FACTOR; e++) { sum += dy[o + ((e / FACTOR) * width + e % FACTOR) * c4]; }
    dx[p * c4 + c] = sum;
    o += FACTOR * c4;
    ix++;
    if (ix == params.w) {
      ix = 0u;
      o += (FACTOR - 1u) * width * c4;
    }
  }
}
