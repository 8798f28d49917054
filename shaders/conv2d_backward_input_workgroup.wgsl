// Gradient of a 2-D convolution by its input, NHWC:
// dx[n,iy,ix,ci] = sum over ky,kx,co of dy[n, (iy+pad-ky)/stride, (ix+pad-kx)/stride, co] * weight[ky,kx,ci,co], where the division is exact
// and inside. dy [n,oh,ow,4*co4], weight [kh,kw,ci,4*co4], dx [n,h,w,4*ci4].
// Input pixels of one remainder by stride, in y and x, are one class: they meet the same taps, and no others are visited.
// A workgroup computes TILE pixels of one class x TILE input channels, a thread 8 pixels, TILE/8 apart, x BLOCKS vec4 of channels.
// Of each tap, 16 channels at a time of dy and weight go through workgroup memory; what is outside is zero there, and so are
// spare channels (ci no multiple of 4).
const TILE: u32 = 64u;
// Four channels each: 1 (tile of 64) or 2 (tile of 128).
const BLOCKS: u32 = 1u;
// (TILE / 8) * (TILE / 4 / BLOCKS), literal so that it can be specialised.
const THREADS: u32 = 128u;

struct Params { n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// Remainders of a class, how many rows and columns of an image it has, and how many pixels of all images.
struct Class { y: u32, x: u32, h: u32, w: u32, rows: u32 }
struct Pixel { n: u32, y: u32, x: u32 }
struct Tap { index: u32, inside: bool }
// Of 8 pixels, this thread's four channels.
struct Rows { r0: vec4f, r1: vec4f, r2: vec4f, r3: vec4f, r4: vec4f, r5: vec4f, r6: vec4f, r7: vec4f }

// By step of 4 channels of dy, then pixel, or channel of dx: the first of every vec4, the second, ... (one spare: spread over banks).
var<workgroup> tile_d: array<vec4f, 4 * (TILE + 1)>;
var<workgroup> tile_w: array<vec4f, 4 * (TILE + 1)>;

fn class_of(index: u32) -> Class {
  let y = index / params.stride;
  let x = index % params.stride;
  let h = (params.h + params.stride - 1u - y) / params.stride;
  let w = (params.w + params.stride - 1u - x) / params.stride;
  return Class(y, x, h, w, params.n * h * w);
}

// The row-th pixel of a class.
fn pixel(group: Class, row: u32) -> Pixel {
  let positions = group.h * group.w;
  let position = row % positions;
  return Pixel(row / positions, position / group.w * params.stride + group.y, position % group.w * params.stride + group.x);
}

fn tap(p: Pixel, ky: u32, kx: u32) -> Tap {
  let oy = (i32(p.y + params.pad) - i32(ky)) / i32(params.stride);
  let ox = (i32(p.x + params.pad) - i32(kx)) / i32(params.stride);
  // A negative quotient is exact here, so it is not rounded up to 0.
  let inside = oy >= 0 && oy < i32(params.oh) && ox >= 0 && ox < i32(params.ow);
  let cy = u32(clamp(oy, 0, i32(params.oh) - 1));
  let cx = u32(clamp(ox, 0, i32(params.ow) - 1));
  return Tap(((p.n * params.oh + cy) * params.ow + cx) * params.co4, inside);
}

fn multiply(a: vec4f, d: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return fma(vec4f(d.w), w3, fma(vec4f(d.z), w2, fma(vec4f(d.y), w1, fma(vec4f(d.x), w0, a))));
}

fn step(a: ptr<function, Rows>, d: Rows, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) {
  (*a).r0 = multiply((*a).r0, d.r0, w0, w1, w2, w3);
  (*a).r1 = multiply((*a).r1, d.r1, w0, w1, w2, w3);
  (*a).r2 = multiply((*a).r2, d.r2, w0, w1, w2, w3);
  (*a).r3 = multiply((*a).r3, d.r3, w0, w1, w2, w3);
  (*a).r4 = multiply((*a).r4, d.r4, w0, w1, w2, w3);
  (*a).r5 = multiply((*a).r5, d.r5, w0, w1, w2, w3);
  (*a).r6 = multiply((*a).r6, d.r6, w0, w1, w2, w3);
  (*a).r7 = multiply((*a).r7, d.r7, w0, w1, w2, w3);
}

// s += a, and a = 0.
fn collect(s: ptr<function, Rows>, a: ptr<function, Rows>) {
  (*s).r0 += (*a).r0;
  (*s).r1 += (*a).r1;
  (*s).r2 += (*a).r2;
  (*s).r3 += (*a).r3;
  (*s).r4 += (*a).r4;
  (*s).r5 += (*a).r5;
  (*s).r6 += (*a).r6;
  (*s).r7 += (*a).r7;
  *a = Rows();
}

// Weights of four channels of dx by four of dy: rows become columns.
fn step_transposed(a: ptr<function, Rows>, d: Rows, v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f) {
  let w0 = vec4f(v0.x, v1.x, v2.x, v3.x);
  let w1 = vec4f(v0.y, v1.y, v2.y, v3.y);
  let w2 = vec4f(v0.z, v1.z, v2.z, v3.z);
  let w3 = vec4f(v0.w, v1.w, v2.w, v3.w);
  step(a, d, w0, w1, w2, w3);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let tiles = (4u * params.ci4 + TILE - 1u) / TILE;
  let group = class_of(wid.y / tiles);
  let first_row = (wid.z * nwg.x + wid.x) * TILE;
  if (first_row >= group.rows) { return; }
  let first_channel = wid.y % tiles * TILE;
  // What this thread computes.
  let columns = TILE / 4u / BLOCKS;
  let row = lid / columns;
  let column = lid % columns;
  // What it loads: step lid % 4 of two pixels and of two channels of dx.
  let load_step = lid % 4u;
  let load_row = lid / 4u;
  let c0 = first_channel + load_row;
  let c1 = c0 + TILE / 2u;
  let place = load_step * (TILE + 1u) + load_row % 4u * (TILE / 4u) + load_row / 4u;
  let p0 = pixel(group, min(first_row + load_row, group.rows - 1u));
  let p1 = pixel(group, min(first_row + load_row + TILE / 2u, group.rows - 1u));
  // Totals s, and sums a of one tap: two short sums round less than one long one.
  var s0 = Rows(); var s1 = Rows();
  var a0 = Rows(); var a1 = Rows();
  for (var ky = (group.y + params.pad) % params.stride; ky < params.kh; ky += params.stride) {
    for (var kx = (group.x + params.pad) % params.stride; kx < params.kw; kx += params.stride) {
      let t0 = tap(p0, ky, kx);
      let t1 = tap(p1, ky, kx);
      let r = (ky * params.kw + kx) * params.ci;
      for (var first = 0u; first < params.co4; first += 4u) {
        let k = first + load_step;
        let real = k < params.co4;
        var d0 = vec4f(); var d1 = vec4f();
        if (real && t0.inside) { d0 = dy[t0.index + k]; }
        if (real && t1.inside) { d1 = dy[t1.index + k]; }
        var w0 = vec4f(); var w1 = vec4f();
        if (real && c0 < params.ci) { w0 = weight[(r + c0) * params.co4 + k]; }
        if (real && c1 < params.ci) { w1 = weight[(r + c1) * params.co4 + k]; }
        workgroupBarrier();
        tile_d[load_step * (TILE + 1u) + load_row] = d0;
        tile_d[load_step * (TILE + 1u) + load_row + TILE / 2u] = d1;
        tile_w[place] = w0;
        tile_w[place + TILE / 8u] = w1;
        workgroupBarrier();
        for (var q = 0u; q < 4u; q++) {
          let at = q * (TILE + 1u) + row;
          let v = Rows(tile_d[at], tile_d[at + TILE / 8u], tile_d[at + TILE / 4u], tile_d[at + 3u * TILE / 8u],
            tile_d[at + TILE / 2u], tile_d[at + 5u * TILE / 8u], tile_d[at + 3u * TILE / 4u], tile_d[at + 7u * TILE / 8u]);
          let w = q * (TILE + 1u) + column;
          step_transposed(&a0, v, tile_w[w], tile_w[w + TILE / 4u], tile_w[w + TILE / 2u], tile_w[w + 3u * TILE / 4u]);
          if (BLOCKS > 1u) {
            let u = w + columns;
            step_transposed(&a1, v, tile_w[u], tile_w[u + TILE / 4u], tile_w[u + TILE / 2u], tile_w[u + 3u * TILE / 4u]);
          }
        }
      }
      collect(&s0, &a0);
      if (BLOCKS > 1u) { collect(&s1, &a1); }
    }
  }
  store(group, first_row + row, first_channel / 4u + column, s0);
  if (BLOCKS > 1u) { store(group, first_row + row, first_channel / 4u + column + columns, s1); }
}

fn store(group: Class, row: u32, c: u32, s: Rows) {
  if (c >= params.ci4) { return; }
  store_one(group, row, c, s.r0);
  store_one(group, row + 1u * TILE / 8u, c, s.r1);
  store_one(group, row + 2u * TILE / 8u, c, s.r2);
  store_one(group, row + 3u * TILE / 8u, c, s.r3);
  store_one(group, row + 4u * TILE / 8u, c, s.r4);
  store_one(group, row + 5u * TILE / 8u, c, s.r5);
  store_one(group, row + 6u * TILE / 8u, c, s.r6);
  store_one(group, row + 7u * TILE / 8u, c, s.r7);
}

fn store_one(group: Class, row: u32, c: u32, value: vec4f) {
  if (row >= group.rows) { return; }
  let p = pixel(group, row);
  let real = 4u * c + vec4u(0u, 1u, 2u, 3u) < vec4u(params.ci);
  dx[((p.n * params.h + p.y) * params.w + p.x) * params.ci4 + c] = select(vec4f(), value, real);
}
