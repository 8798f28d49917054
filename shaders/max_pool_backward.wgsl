// Gradient of max pooling: dx[p] = sum over the windows in which p is the FIRST largest element (torch's rule for ties) of dy.
// x and dx [n,h,w,4*c4], y and dy [n,oh,ow,4*c4]. Gathers, so that no two invocations write one place.
// One invocation: 4 channels of one input pixel.
const WG: u32 = 64u;

struct Params { n: u32, h: u32, w: u32, c4: u32, oh: u32, ow: u32, k: u32, stride: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.n * params.h * params.w * params.c4) { return; }
  let c = i % params.c4;
  let ix = (i / params.c4) % params.w;
  let rest = i / (params.c4 * params.w);
  let iy = rest % params.h;
  let n = rest / params.h;
  let own = x[i];
  let k = params.k;
  let s = params.stride;
  var sum = vec4f();
  let oy_first = select(0u, (iy - k + s) / s, iy + 1u > k);
  let ox_first = select(0u, (ix - k + s) / s, ix + 1u > k);
  for (var oy = oy_first; oy <= iy / s && oy < params.oh; oy++) {
    for (var ox = ox_first; ox <= ix / s && ox < params.ow; ox++) {
      let o = ((n * params.oh + oy) * params.ow + ox) * params.c4 + c;
      var hit = own == y[o];
      // An equal element earlier in the window takes the gradient.
      let place = (iy - oy * s) * k + ix - ox * s;
      for (var e = 0u; e < place; e++) {
        let j = ((n * params.h + oy * s + e / k) * params.w + ox * s + e % k) * params.c4 + c;
        hit = hit & (x[j] != y[o]);
      }
      sum += select(vec4f(), dy[o], hit);
    }
  }
  dx[i] = sum;
}
