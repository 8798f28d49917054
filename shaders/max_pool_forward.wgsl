// Max pooling, NHWC, no padding: y[n,oy,ox,c] = max over the K x K window at (oy*STRIDE, ox*STRIDE); NaN wins. index holds the place in the
// window (row by row) that won, the first of equals, as one byte per channel: backward needs nothing else.
// x [n,h,w,4*c4], y [n,oh,ow,4*c4], index [n,oh,ow,c4]. One invocation: 4 channels of STEPS consecutive output pixels.
const WG: u32 = 64u;
const STEPS: u32 = 16u;
const K: u32 = 2u;
const STRIDE: u32 = 2u;

struct Params { n: u32, h: u32, w: u32, c4: u32, oh: u32, ow: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> index: array<u32>;
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
    var best = x[i];
    var place = vec4u();
    for (var e = 1u; e < K * K; e++) {
      let v = x[i + ((e / K) * params.w + e % K) * c4];
      // By its bits: compilers may take `v != v` for false.
      let nan = (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
      let wins = (v > best) | nan;
      best = select(best, v, wins);
      place = select(place, vec4u(e), wins);
    }
    let o = p * c4 + c;
    y[o] = best;
    index[o] = place.x | (place.y << 8u) | (place.z << 16u) | (place.w << 24u);
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
