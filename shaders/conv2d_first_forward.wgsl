// 2-D convolution of a one-channel image: y[n,oy,ox,co] = bias[co] + sum over ky,kx of x[n, oy*stride-pad+ky, ox*stride-pad+kx] * weight[ky,kx,co].
// x [n,h,w] (one float a pixel), weight [kh,kw,4*co4], bias [4*co4], y [n,oh,ow,4*co4].
// One invocation computes 4 consecutive output pixels x 8 output channels.
const WG: u32 = 64u;

struct Params { n: u32, h: u32, w: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32, has_bias: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

struct Origin { row: i32, y: i32, x: i32 }

fn origin(pixel: u32) -> Origin {
  let ox = pixel % params.ow;
  let rest = pixel / params.ow;
  let oy = rest % params.oh;
  let n = rest / params.oh;
  return Origin(i32(n * params.h), i32(oy * params.stride) - i32(params.pad), i32(ox * params.stride) - i32(params.pad));
}

fn sample(o: Origin, ky: i32, kx: i32) -> f32 {
  let iy = o.y + ky;
  let ix = o.x + kx;
  let inside = iy >= 0 && iy < i32(params.h) && ix >= 0 && ix < i32(params.w);
  let index = (o.row + clamp(iy, 0, i32(params.h) - 1)) * i32(params.w) + clamp(ix, 0, i32(params.w) - 1);
  return select(0.0, x[index], inside);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let pixels = params.n * params.oh * params.ow;
  let p = ((wid.z * nwg.x + wid.x) * WG + lid) * 4u;
  if (p >= pixels) { return; }
  let last = pixels - 1u;
  let c0 = wid.y * 2u;
  let c1 = min(c0 + 1u, params.co4 - 1u);
  let o0 = origin(p);
  let o1 = origin(min(p + 1u, last));
  let o2 = origin(min(p + 2u, last));
  let o3 = origin(min(p + 3u, last));
  var b0 = vec4f();
  var b1 = vec4f();
  if (params.has_bias == 1u) { b0 = bias[c0]; b1 = bias[c1]; }
  var a00 = b0; var a01 = b1;
  var a10 = b0; var a11 = b1;
  var a20 = b0; var a21 = b1;
  var a30 = b0; var a31 = b1;
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      let r = (ky * params.kw + kx) * params.co4;
      let w0 = weight[r + c0];
      let w1 = weight[r + c1];
      let x0 = sample(o0, i32(ky), i32(kx));
      let x1 = sample(o1, i32(ky), i32(kx));
      let x2 = sample(o2, i32(ky), i32(kx));
      let x3 = sample(o3, i32(ky), i32(kx));
      a00 += x0 * w0; a01 += x0 * w1;
      a10 += x1 * w0; a11 += x1 * w1;
      a20 += x2 * w0; a21 += x2 * w1;
      a30 += x3 * w0; a31 += x3 * w1;
    }
  }
  store(p, c0, a00, a01);
  if (p + 1u <= last) { store(p + 1u, c0, a10, a11); }
  if (p + 2u <= last) { store(p + 2u, c0, a20, a21); }
  if (p + 3u <= last) { store(p + 3u, c0, a30, a31); }
}

fn store(pixel: u32, c0: u32, v0: vec4f, v1: vec4f) {
  y[pixel * params.co4 + c0] = v0;
  if (c0 + 1u < params.co4) { y[pixel * params.co4 + c0 + 1u] = v1; }
}
