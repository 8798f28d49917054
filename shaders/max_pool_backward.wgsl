// Gradient of max pooling whose windows do not overlap (K <= STRIDE): dy goes to the place that won, the rest of the window gets 0.
// What lies in no window is left as it was: zero it before. index [n,oh,ow,c4] as max_pool_forward stores it, dy [n,oh,ow,4*c4],
// dx [n,h,w,4*c4]. One invocation: 4 channels of STEPS consecutive output pixels.
const WG: u32 = 64u;
const STEPS: u32 = 16u;
const K: u32 = 2u;
const STRIDE: u32 = 2u;

struct Params { n: u32, h: u32, w: u32, c4: u32, oh: u32, ow: u32 }

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let c4 = params.c4;
  let c = item % c4;
  let begin = (item / c4) * STEPS;
  let pixels = params.n * params.oh * params.ow;
  if (begin >= pixels) { return; }
  let end = min(begin + STEPS, pixels);
  let row = begin / params.ow;
  var ox = begin % params.ow;
  var oy = row % params.oh;
  var i = (((row / params.oh) * params.h + oy * STRIDE) * params.w + ox * STRIDE) * c4 + c;
  let row_skip = STRIDE * (params.w - params.ow) * c4;
  let image_skip = (params.h - params.oh * STRIDE) * params.w * c4;
  for (var p = begin; p < end; p++) {
    let o = p * c4 + c;
    let places = index[o];
    let place = (vec4u(places) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
    let g = dy[o];
    for (var e = 0u; e < K * K; e++) {
      dx[i + ((e / K) * params.w + e % K) * c4] = select(vec4f(), g, place == vec4u(e));
    }
    i += STRIDE * c4;
    ox++;
    if (ox == params.ow) {
      ox = 0u;
      oy++;
      i += row_skip;
      if (oy == params.oh) {
        oy = 0u;
        i += image_skip;
      }
    }
  }
}
