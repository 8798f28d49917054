// Gradient of a 2-D convolution by its weight, as partial sums over a share of the output pixels (n,oy,ox):
// partial[s,ky,kx,ci,co] = sum over the pixels of share s of x[n, oy*stride-pad+ky, ox*stride-pad+kx, ci] * dy[n,oy,ox,co].
// x [n,h,w,4*ci4], dy [n,oh,ow,4*co4], partial [splits,kh,kw,ci,4*co4]; reduce_partials sums the shares in fixed order.
// For GPUs: a product of matrices, TILE (tap, input channel) x TILE output channels over DEPTH pixels at a time in workgroup memory.
// A workgroup has (TILE / 8)^2 threads; a thread computes 8 x 8 values, in two halves half a tile apart. `share` is a multiple of DEPTH.
const TILE: u32 = 64u;
const WG: u32 = 64u;
const DEPTH: u32 = 16u;
const QUADS: u32 = TILE / 4u;
const SIDE: u32 = TILE / 8u;

struct Params {
  n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32,
  share: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> x_tile: array<vec4f, DEPTH * QUADS>;
var<workgroup> dy_tile: array<vec4f, DEPTH * QUADS>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let o0 = wid.x * QUADS;
  let c0 = wid.y * QUADS;
  let split = wid.z;
  let taps = params.kh * params.kw;
  let pixels = params.n * params.oh * params.ow;
  let begin = split * params.share;
  let end = min(begin + params.share, pixels);
  // This thread loads one column of both tiles, every WG / QUADS-th pixel.
  let own = lid % QUADS;
  let t = (c0 + own) / params.ci4;
  let c = (c0 + own) % params.ci4;
  let ky = i32(t / params.kw) - i32(params.pad);
  let kx = i32(t % params.kw) - i32(params.pad);
  let o = o0 + own;
  let row = lid / SIDE;
  let column = lid % SIDE;
  var a00 = vec4f(); var a01 = vec4f();  var a10 = vec4f(); var a11 = vec4f();
  var a20 = vec4f(); var a21 = vec4f();  var a30 = vec4f(); var a31 = vec4f();
  var a40 = vec4f(); var a41 = vec4f();  var a50 = vec4f(); var a51 = vec4f();
  var a60 = vec4f(); var a61 = vec4f();  var a70 = vec4f(); var a71 = vec4f();
  for (var first = begin; first < end; first += DEPTH) {
    for (var k = lid / QUADS; k < DEPTH; k += WG / QUADS) {
      let p = first + k;
      let oy = (p / params.ow) % params.oh;
      let iy = i32(oy * params.stride) + ky;
      let ix = i32(p % params.ow * params.stride) + kx;
      let inside = p < end && t < taps && u32(iy) < params.h && u32(ix) < params.w;
      let n = p / (params.ow * params.oh);
      let index = ((n * params.h + u32(iy)) * params.w + u32(ix)) * params.ci4 + c;
      x_tile[k * QUADS + own] = select(vec4f(), x[select(0u, index, inside)], inside);
      let filled = p < end && o < params.co4;
      dy_tile[k * QUADS + own] = select(vec4f(), dy[select(0u, p * params.co4 + o, filled)], filled);
    }
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      let x0 = x_tile[k * QUADS + row];
      let x1 = x_tile[k * QUADS + row + SIDE];
      let d0 = dy_tile[k * QUADS + column];
      let d1 = dy_tile[k * QUADS + column + SIDE];
      a00 = fma(vec4f(x0.x), d0, a00); a01 = fma(vec4f(x0.x), d1, a01);
      a10 = fma(vec4f(x0.y), d0, a10); a11 = fma(vec4f(x0.y), d1, a11);
      a20 = fma(vec4f(x0.z), d0, a20); a21 = fma(vec4f(x0.z), d1, a21);
      a30 = fma(vec4f(x0.w), d0, a30); a31 = fma(vec4f(x0.w), d1, a31);
      a40 = fma(vec4f(x1.x), d0, a40); a41 = fma(vec4f(x1.x), d1, a41);
      a50 = fma(vec4f(x1.y), d0, a50); a51 = fma(vec4f(x1.y), d1, a51);
      a60 = fma(vec4f(x1.z), d0, a60); a61 = fma(vec4f(x1.z), d1, a61);
      a70 = fma(vec4f(x1.w), d0, a70); a71 = fma(vec4f(x1.w), d1, a71);
    }
    workgroupBarrier();
  }
  let o_first = o0 + column;
  store(split, c0 + row, o_first, a00, a10, a20, a30);
  store(split, c0 + row, o_first + SIDE, a01, a11, a21, a31);
  store(split, c0 + row + SIDE, o_first, a40, a50, a60, a70);
  store(split, c0 + row + SIDE, o_first + SIDE, a41, a51, a61, a71);
}

// Four input channels of one tap x four output channels. Spare rows (ci no multiple of 4) would be the next tap's.
fn store(split: u32, column: u32, o: u32, v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f) {
  let t = column / params.ci4;
  if (t >= params.kh * params.kw || o >= params.co4) { return; }
  let c = column % params.ci4 * 4u;
  let i = ((split * params.kh * params.kw + t) * params.ci + c) * params.co4 + o;
  let rows = params.ci - c;
  partials[i] = v0;
  if (rows > 1u) { partials[i + params.co4] = v1; }
  if (rows > 2u) { partials[i + 2u * params.co4] = v2; }
  if (rows > 3u) { partials[i + 3u * params.co4] = v3; }
}
