// 2-D convolution, NHWC: y[n,oy,ox,co] = bias[co] + sum over ky,kx,ci of x[n, oy*stride-pad+ky, ox*stride-pad+kx, ci] * weight[ky,kx,ci,co].
// x [n,h,w,4*ci4], weight [kh,kw,ci,4*co4], bias [4*co4], y [n,oh,ow,4*co4]; channels are padded with zeros to whole vec4.
// A workgroup computes TILE output pixels x TILE output channels, a thread 8 pixels, TILE/8 apart, x BLOCKS vec4 of channels.
// Of each tap, 16 channels at a time of x and weight go through workgroup memory; what is outside is zero there.
const TILE: u32 = 64u;
// Four channels each: 1 (tile of 64) or 2 (tile of 128).
const BLOCKS: u32 = 1u;
// (TILE / 8) * (TILE / 4 / BLOCKS), literal so that it can be specialised.
const THREADS: u32 = 128u;
// Steps of 4 input channels that are summed at a stretch.
const RUN: u32 = 16u;
// ci4 > RUN: a tap takes several runs (else one, and the level of sums between run and total falls away).
const RUNS: bool = true;

struct Params { n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32, has_bias: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

struct Origin { row: i32, y: i32, x: i32 }
struct Tap { index: u32, inside: bool }
// Of 8 pixels, this thread's four channels.
struct Rows { r0: vec4f, r1: vec4f, r2: vec4f, r3: vec4f, r4: vec4f, r5: vec4f, r6: vec4f, r7: vec4f }

// x by step of 4 channels, then pixel (one spare, so that a column is spread over banks); weight by channel, then vec4 of co.
var<workgroup> tile_x: array<vec4f, 4 * (TILE + 1)>;
var<workgroup> tile_w: array<vec4f, 16 * (TILE / 4)>;

fn origin(p: u32) -> Origin {
  let ox = p % params.ow;
  let rest = p / params.ow;
  let oy = rest % params.oh;
  let n = rest / params.oh;
  return Origin(i32(n * params.h), i32(oy * params.stride) - i32(params.pad), i32(ox * params.stride) - i32(params.pad));
}

fn tap(o: Origin, ky: u32, kx: u32) -> Tap {
  let iy = o.y + i32(ky);
  let ix = o.x + i32(kx);
  let inside = iy >= 0 && iy < i32(params.h) && ix >= 0 && ix < i32(params.w);
  let cy = clamp(iy, 0, i32(params.h) - 1);
  let cx = clamp(ix, 0, i32(params.w) - 1);
  return Tap(u32((o.row + cy) * i32(params.w) + cx) * params.ci4, inside);
}

fn multiply(a: vec4f, x: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return fma(vec4f(x.w), w3, fma(vec4f(x.z), w2, fma(vec4f(x.y), w1, fma(vec4f(x.x), w0, a))));
}

fn step(a: ptr<function, Rows>, x: Rows, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) {
  (*a).r0 = multiply((*a).r0, x.r0, w0, w1, w2, w3);
  (*a).r1 = multiply((*a).r1, x.r1, w0, w1, w2, w3);
  (*a).r2 = multiply((*a).r2, x.r2, w0, w1, w2, w3);
  (*a).r3 = multiply((*a).r3, x.r3, w0, w1, w2, w3);
  (*a).r4 = multiply((*a).r4, x.r4, w0, w1, w2, w3);
  (*a).r5 = multiply((*a).r5, x.r5, w0, w1, w2, w3);
  (*a).r6 = multiply((*a).r6, x.r6, w0, w1, w2, w3);
  (*a).r7 = multiply((*a).r7, x.r7, w0, w1, w2, w3);
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

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let pixels = params.n * params.oh * params.ow;
  let first_pixel = (wid.z * nwg.x + wid.x) * TILE;
  let first_block = wid.y * (TILE / 4u);
  // What this thread computes.
  let columns = TILE / 4u / BLOCKS;
  let row = lid / columns;
  let column = lid % columns;
  // What it loads: step lid % 4 of two pixels, and a block of two weight rows.
  let load_step = lid % 4u;
  let load_pixel = lid / 4u;
  let load_row = lid / (TILE / 4u);
  let load_column = lid % (TILE / 4u);
  let own_block = first_block + load_column;
  let p0 = first_pixel + load_pixel;
  let p1 = p0 + TILE / 2u;
  let o0 = origin(min(p0, pixels - 1u));
  let o1 = origin(min(p1, pixels - 1u));
  // Totals s of sums b of one tap of sums a of RUN steps: short sums round less than one long one. The tile of 128 has no registers
  // for b and adds runs to the totals.
  var s0 = Rows(); var s1 = Rows();
  var b0 = Rows();
  var a0 = Rows(); var a1 = Rows();
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      let t0 = tap(o0, ky, kx);
      let t1 = tap(o1, ky, kx);
      let rows = (ky * params.kw + kx) * params.ci;
      for (var first = 0u; first < params.ci4; first += 4u) {
        let k = first + load_step;
        var x0 = vec4f(); var x1 = vec4f();
        if (t0.inside && k < params.ci4) { x0 = x[t0.index + k]; }
        if (t1.inside && k < params.ci4) { x1 = x[t1.index + k]; }
        let ci = 4u * first + load_row;
        var w0 = vec4f(); var w1 = vec4f();
        if (ci < params.ci && own_block < params.co4) { w0 = weight[(rows + ci) * params.co4 + own_block]; }
        if (ci + 8u < params.ci && own_block < params.co4) { w1 = weight[(rows + ci + 8u) * params.co4 + own_block]; }
        workgroupBarrier();
        tile_x[load_step * (TILE + 1u) + load_pixel] = x0;
        tile_x[load_step * (TILE + 1u) + load_pixel + TILE / 2u] = x1;
        tile_w[load_row * (TILE / 4u) + load_column] = w0;
        tile_w[(load_row + 8u) * (TILE / 4u) + load_column] = w1;
        workgroupBarrier();
        for (var q = 0u; q < 4u; q++) {
          let at = q * (TILE + 1u) + row;
          let v = Rows(tile_x[at], tile_x[at + TILE / 8u], tile_x[at + TILE / 4u], tile_x[at + 3u * TILE / 8u],
            tile_x[at + TILE / 2u], tile_x[at + 5u * TILE / 8u], tile_x[at + 3u * TILE / 4u], tile_x[at + 7u * TILE / 8u]);
          let w = q * TILE + column;
          step(&a0, v, tile_w[w], tile_w[w + TILE / 4u], tile_w[w + TILE / 2u], tile_w[w + 3u * TILE / 4u]);
          if (BLOCKS > 1u) {
            let u = w + columns;
            step(&a1, v, tile_w[u], tile_w[u + TILE / 4u], tile_w[u + TILE / 2u], tile_w[u + 3u * TILE / 4u]);
          }
        }
        if (RUNS && (first + 4u) % RUN == 0u) {
          if (BLOCKS > 1u) { collect(&s0, &a0); collect(&s1, &a1); } else { collect(&b0, &a0); }
        }
      }
      if (RUNS && BLOCKS == 1u) { collect(&b0, &a0); collect(&s0, &b0); } else { collect(&s0, &a0); }
      if (BLOCKS > 1u) { collect(&s1, &a1); }
    }
  }
  store(first_pixel + row, first_block + column, s0);
  if (BLOCKS > 1u) { store(first_pixel + row, first_block + column + columns, s1); }
}

fn store(p: u32, c: u32, s: Rows) {
  if (c >= params.co4) { return; }
  var offset = vec4f();
  if (params.has_bias == 1u) { offset = bias[c]; }
  store_one(p, c, s.r0 + offset);
  store_one(p + 1u * TILE / 8u, c, s.r1 + offset);
  store_one(p + 2u * TILE / 8u, c, s.r2 + offset);
  store_one(p + 3u * TILE / 8u, c, s.r3 + offset);
  store_one(p + 4u * TILE / 8u, c, s.r4 + offset);
  store_one(p + 5u * TILE / 8u, c, s.r5 + offset);
  store_one(p + 6u * TILE / 8u, c, s.r6 + offset);
  store_one(p + 7u * TILE / 8u, c, s.r7 + offset);
}

fn store_one(p: u32, c: u32, value: vec4f) {
  if (p < params.n * params.oh * params.ow) { y[p * params.co4 + c] = value; }
}
