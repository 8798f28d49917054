// Gradient of max pooling whose windows overlap: dx[p] = sum of dy over the windows in which p won. Gathers, so that no two invocations
// write one place. index [n,oh,ow,c4] as max_pool_forward stores it, dy [n,oh,ow,4*c4], dx [n,h,w,4*c4].
// One invocation: 4 channels of STEPS consecutive input pixels.
const WG: u32 = 64u;
const STEPS: u32 = 16u;
const K: u32 = 3u;
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
  let pixels = params.n * params.h * params.w;
  if (begin >= pixels) { return; }
  let end = min(begin + STEPS, pixels);
  var ix = begin % params.w;
  var iy = (begin / params.w) % params.h;
  var n = begin / (params.w * params.h);
  for (var p = begin; p < end; p++) {
    var sum = vec4f();
    let oy_first = select(0u, (iy - K + STRIDE) / STRIDE, iy + 1u > K);
    let ox_first = select(0u, (ix - K + STRIDE) / STRIDE, ix + 1u > K);
    for (var oy = oy_first; oy <= iy / STRIDE && oy < params.oh; oy++) {
      for (var ox = ox_first; ox <= ix / STRIDE && ox < params.ow; ox++) {
        let o = ((n * params.oh + oy) * params.ow + ox) * c4 + c;
        let places = index[o];
        let place = (vec4u(places) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
        let own = (iy - oy * STRIDE) * K + ix - ox * STRIDE;
        sum += select(vec4f(), dy[o], place == vec4u(own));
      }
    }
    dx[p * c4 + c] = sum;
    ix++;
    if (ix == params.w) {
      ix = 0u;
      iy++;
      if (iy == params.h) {
        iy = 0u;
        n++;
      }
    }
  }
}
