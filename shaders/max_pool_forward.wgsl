// Max pooling, NHWC, no padding: y[n,oy,ox,c] = max over the k x k window at (oy*stride, ox*stride); NaN wins.
// x [n,h,w,4*c4], y [n,oh,ow,4*c4]. One invocation: 4 channels of one output pixel.
const WG: u32 = 64u;

struct Params { n: u32, h: u32, w: u32, c4: u32, oh: u32, ow: u32, k: u32, stride: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.n * params.oh * params.ow * params.c4) { return; }
  let c = i % params.c4;
  let ox = (i / params.c4) % params.ow;
  let rest = i / (params.c4 * params.ow);
  let oy = rest % params.oh;
  let n = rest / params.oh;
  let base = ((n * params.h + oy * params.stride) * params.w + ox * params.stride) * params.c4 + c;
  var best = x[base];
  for (var ky = 0u; ky < params.k; ky++) {
    for (var kx = 0u; kx < params.k; kx++) {
      let v = x[base + (ky * params.w + kx) * params.c4];
      // By its bits: compilers may take `v != v` for false.
      let nan = (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
      best = select(best, v, (v > best) | nan);
    }
  }
  y[i] = best;
}
