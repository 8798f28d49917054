// 3x3 convolution of a one-channel image with a border of one zero, stride 1 or 2:
// y[n,oy,ox,co] = bias[co] + sum over ky,kx of x[n, oy*stride-1+ky, ox*stride-1+kx] * weight[ky,kx,co].
// x [n,h,w] (one float a pixel, w a multiple of 4), weight [3,3,4*co4], bias [4*co4], y [n,oh,ow,4*co4].
// One invocation computes 8 output channels, two vec4 half of all apart, of `run` times 4 pixels of a row. Its weights stay in registers
// and the pixels slide through them, four a load. Neighbours have neighbouring channels, so that stores are contiguous.
const WG: u32 = 64u;
const STRIDE: u32 = 1u;

struct Params { n: u32, h: u32, w: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32, has_bias: u32, pieces: u32, run: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

// Four pixels of row iy of image n from column ix on, zero outside the image.
fn quad(row: u32, ix: u32, inside: bool) -> vec4f {
  let filled = inside && ix < params.w;
  return select(vec4f(), x[select(0u, (row * params.w + ix) / 4u, filled)], filled);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let lanes = (params.co4 + 1u) / 2u;
  let c = item % lanes;
  let e = min(c + lanes, params.co4 - 1u);
  let piece = (item / lanes) % params.pieces;
  let row = item / (lanes * params.pieces);
  if (row >= params.n * params.oh) { return; }
  let w0 = weight[c];
  let w1 = weight[params.co4 + c];
  let w2 = weight[2u * params.co4 + c];
  let w3 = weight[3u * params.co4 + c];
  let w4 = weight[4u * params.co4 + c];
  let w5 = weight[5u * params.co4 + c];
  let w6 = weight[6u * params.co4 + c];
  let w7 = weight[7u * params.co4 + c];
  let w8 = weight[8u * params.co4 + c];
  let v0 = weight[e];
  let v1 = weight[params.co4 + e];
  let v2 = weight[2u * params.co4 + e];
  let v3 = weight[3u * params.co4 + e];
  let v4 = weight[4u * params.co4 + e];
  let v5 = weight[5u * params.co4 + e];
  let v6 = weight[6u * params.co4 + e];
  let v7 = weight[7u * params.co4 + e];
  let v8 = weight[8u * params.co4 + e];
  var b = vec4f();
  var f = vec4f();
  if (params.has_bias == 1u) { b = bias[c]; f = bias[e]; }
  // The three rows of x, counted through all images; the first and the last may be outside this one.
  let iy = row % params.oh * STRIDE;
  let middle = row / params.oh * params.h + iy;
  let in0 = iy > 0u;
  let in2 = iy + 1u < params.h;
  var ox = piece * params.run * 4u;
  let ox_end = min(ox + params.run * 4u, params.ow);
  var ix = ox * STRIDE;
  // Left neighbours, four columns, and the four after them.
  var l0 = 0.0; var l1 = 0.0; var l2 = 0.0;
  if (piece > 0u) {
    l0 = quad(middle - 1u, ix - 4u, in0).w;
    l1 = quad(middle, ix - 4u, true).w;
    l2 = quad(middle + 1u, ix - 4u, in2).w;
  }
  var c0 = quad(middle - 1u, ix, in0);
  var c1 = quad(middle, ix, true);
  var c2 = quad(middle + 1u, ix, in2);
  while (ox < ox_end) {
    let n0 = quad(middle - 1u, ix + 4u, in0);
    let n1 = quad(middle, ix + 4u, true);
    let n2 = quad(middle + 1u, ix + 4u, in2);
    let i = (row * params.ow + ox) * params.co4 + c;
    var a0: vec4f; var a1: vec4f; var a2: vec4f; var a3: vec4f;
    var g0: vec4f; var g1: vec4f; var g2: vec4f; var g3: vec4f;
    if (STRIDE == 1u) {
      a0 = b + l0 * w0 + c0.x * w1 + c0.y * w2
        + l1 * w3 + c1.x * w4 + c1.y * w5
        + l2 * w6 + c2.x * w7 + c2.y * w8;
      g0 = f + l0 * v0 + c0.x * v1 + c0.y * v2
        + l1 * v3 + c1.x * v4 + c1.y * v5
        + l2 * v6 + c2.x * v7 + c2.y * v8;
      a1 = b + c0.x * w0 + c0.y * w1 + c0.z * w2
        + c1.x * w3 + c1.y * w4 + c1.z * w5
        + c2.x * w6 + c2.y * w7 + c2.z * w8;
      g1 = f + c0.x * v0 + c0.y * v1 + c0.z * v2
        + c1.x * v3 + c1.y * v4 + c1.z * v5
        + c2.x * v6 + c2.y * v7 + c2.z * v8;
      a2 = b + c0.y * w0 + c0.z * w1 + c0.w * w2
        + c1.y * w3 + c1.z * w4 + c1.w * w5
        + c2.y * w6 + c2.z * w7 + c2.w * w8;
      g2 = f + c0.y * v0 + c0.z * v1 + c0.w * v2
        + c1.y * v3 + c1.z * v4 + c1.w * v5
        + c2.y * v6 + c2.z * v7 + c2.w * v8;
      a3 = b + c0.z * w0 + c0.w * w1 + n0.x * w2
        + c1.z * w3 + c1.w * w4 + n1.x * w5
        + c2.z * w6 + c2.w * w7 + n2.x * w8;
      g3 = f + c0.z * v0 + c0.w * v1 + n0.x * v2
        + c1.z * v3 + c1.w * v4 + n1.x * v5
        + c2.z * v6 + c2.w * v7 + n2.x * v8;
      l0 = c0.w; l1 = c1.w; l2 = c2.w;
      c0 = n0; c1 = n1; c2 = n2;
    } else {
      a0 = b + l0 * w0 + c0.x * w1 + c0.y * w2
        + l1 * w3 + c1.x * w4 + c1.y * w5
        + l2 * w6 + c2.x * w7 + c2.y * w8;
      g0 = f + l0 * v0 + c0.x * v1 + c0.y * v2
        + l1 * v3 + c1.x * v4 + c1.y * v5
        + l2 * v6 + c2.x * v7 + c2.y * v8;
      a1 = b + c0.y * w0 + c0.z * w1 + c0.w * w2
        + c1.y * w3 + c1.z * w4 + c1.w * w5
        + c2.y * w6 + c2.z * w7 + c2.w * w8;
      g1 = f + c0.y * v0 + c0.z * v1 + c0.w * v2
        + c1.y * v3 + c1.z * v4 + c1.w * v5
        + c2.y * v6 + c2.z * v7 + c2.w * v8;
      a2 = b + c0.w * w0 + n0.x * w1 + n0.y * w2
        + c1.w * w3 + n1.x * w4 + n1.y * w5
        + c2.w * w6 + n2.x * w7 + n2.y * w8;
      g2 = f + c0.w * v0 + n0.x * v1 + n0.y * v2
        + c1.w * v3 + n1.x * v4 + n1.y * v5
        + c2.w * v6 + n2.x * v7 + n2.y * v8;
      a3 = b + n0.y * w0 + n0.z * w1 + n0.w * w2
        + n1.y * w3 + n1.z * w4 + n1.w * w5
        + n2.y * w6 + n2.z * w7 + n2.w * w8;
      g3 = f + n0.y * v0 + n0.z * v1 + n0.w * v2
        + n1.y * v3 + n1.z * v4 + n1.w * v5
        + n2.y * v6 + n2.z * v7 + n2.w * v8;
      l0 = n0.w; l1 = n1.w; l2 = n2.w;
      c0 = quad(middle - 1u, ix + 8u, in0);
      c1 = quad(middle, ix + 8u, true);
      c2 = quad(middle + 1u, ix + 8u, in2);
    }
    y[i] = a0;
    if (ox + 1u < ox_end) { y[i + params.co4] = a1; }
    if (ox + 2u < ox_end) { y[i + 2u * params.co4] = a2; }
    if (ox + 3u < ox_end) { y[i + 3u * params.co4] = a3; }
    let j = (row * params.ow + ox) * params.co4 + e;
    if (e > c) {
      y[j] = g0;
      if (ox + 1u < ox_end) { y[j + params.co4] = g1; }
      if (ox + 2u < ox_end) { y[j + 2u * params.co4] = g2; }
      if (ox + 3u < ox_end) { y[j + 3u * params.co4] = g3; }
    }
    ix += 4u * STRIDE;
    ox += 4u;
  }
}
