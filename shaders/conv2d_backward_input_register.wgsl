// Gradient of a 2-D convolution by its input, NHWC:
// dx[n,iy,ix,ci] = sum over ky,kx,co of dy[n, (iy+pad-ky)/stride, (ix+pad-kx)/stride, co] * weight[ky,kx,ci,co], where the division is exact
// and inside. dy [n,oh,ow,4*co4], weight [kh,kw,ci,4*co4], dx [n,h,w,4*ci4].
// Input pixels of one remainder by stride, in y and x, are one class: they meet the same taps, and no others are visited.
// One invocation computes 4*HALVES pixels of one class, WG apart, x 8 input channels.
// Vec4 run along co, so four weights are transposed at each use. Spare channels (ci no multiple of 4) read the last weight row
// and are stored as zeros. Taps outside the image read a clamped address times 0: no divergence in the inner loop.
const WG: u32 = 8u;
const HALVES: u32 = 1u;

struct Params { n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// Remainders of a class, how many rows and columns of an image it has, and how many pixels of all images.
struct Class { y: u32, x: u32, h: u32, w: u32, rows: u32 }
struct Pixel { n: u32, y: u32, x: u32 }
struct Tap { index: u32, factor: f32 }
// Four vec4, one a pixel.
struct Four { p0: vec4f, p1: vec4f, p2: vec4f, p3: vec4f }

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
  return Tap(((p.n * params.oh + cy) * params.ow + cx) * params.co4, select(0.0, 1.0, inside));
}

fn multiply(d: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return d.x * w0 + d.y * w1 + d.z * w2 + d.w * w3;
}

fn step(a: ptr<function, Four>, d: Four, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) {
  (*a).p0 += multiply(d.p0, w0, w1, w2, w3);
  (*a).p1 += multiply(d.p1, w0, w1, w2, w3);
  (*a).p2 += multiply(d.p2, w0, w1, w2, w3);
  (*a).p3 += multiply(d.p3, w0, w1, w2, w3);
}

// s += a, and a = 0.
fn collect(s: ptr<function, Four>, a: ptr<function, Four>) {
  (*s).p0 += (*a).p0;
  (*s).p1 += (*a).p1;
  (*s).p2 += (*a).p2;
  (*s).p3 += (*a).p3;
  *a = Four();
}

fn load(k: u32, t0: Tap, t1: Tap, t2: Tap, t3: Tap) -> Four {
  return Four(dy[t0.index + k] * t0.factor, dy[t1.index + k] * t1.factor, dy[t2.index + k] * t2.factor, dy[t3.index + k] * t3.factor);
}

// The same four channels of dy for four channels of dx: rows become columns.
fn transposed(v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f) -> Four {
  return Four(vec4f(v0.x, v1.x, v2.x, v3.x), vec4f(v0.y, v1.y, v2.y, v3.y), vec4f(v0.z, v1.z, v2.z, v3.z), vec4f(v0.w, v1.w, v2.w, v3.w));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let tiles = (params.ci4 + 1u) / 2u;
  let group = class_of(wid.y / tiles);
  let first_row = (wid.z * nwg.x + wid.x) * 4u * HALVES * WG;
  if (first_row >= group.rows) { return; }
  let last = group.rows - 1u;
  let own = first_row + lid;
  let block0 = wid.y % tiles * 2u;
  let p0 = pixel(group, min(own, last));
  let p1 = pixel(group, min(own + 1u * WG, last));
  let p2 = pixel(group, min(own + 2u * WG, last));
  let p3 = pixel(group, min(own + 3u * WG, last));
  let p4 = pixel(group, min(own + 4u * WG, last));
  let p5 = pixel(group, min(own + 5u * WG, last));
  let p6 = pixel(group, min(own + 6u * WG, last));
  let p7 = pixel(group, min(own + 7u * WG, last));
  // Totals s, and sums a of one tap: two short sums round less than one long one.
  var s00 = Four(); var s01 = Four();
  var s10 = Four(); var s11 = Four();
  var a00 = Four(); var a01 = Four();
  var a10 = Four(); var a11 = Four();
  for (var ky = (group.y + params.pad) % params.stride; ky < params.kh; ky += params.stride) {
    for (var kx = (group.x + params.pad) % params.stride; kx < params.kw; kx += params.stride) {
      let t0 = tap(p0, ky, kx);
      let t1 = tap(p1, ky, kx);
      let t2 = tap(p2, ky, kx);
      let t3 = tap(p3, ky, kx);
      let t4 = tap(p4, ky, kx);
      let t5 = tap(p5, ky, kx);
      let t6 = tap(p6, ky, kx);
      let t7 = tap(p7, ky, kx);
      let r = (ky * params.kw + kx) * params.ci * params.co4;
      for (var k = 0u; k < params.co4; k++) {
        let d0 = load(k, t0, t1, t2, t3);
        var d1 = Four();
        if (HALVES > 1u) { d1 = load(k, t4, t5, t6, t7); }
        {
          let v0 = weight[r + min(4u * block0 + 0u, params.ci - 1u) * params.co4 + k];
          let v1 = weight[r + min(4u * block0 + 1u, params.ci - 1u) * params.co4 + k];
          let v2 = weight[r + min(4u * block0 + 2u, params.ci - 1u) * params.co4 + k];
          let v3 = weight[r + min(4u * block0 + 3u, params.ci - 1u) * params.co4 + k];
          let w = transposed(v0, v1, v2, v3);
          step(&a00, d0, w.p0, w.p1, w.p2, w.p3);
          if (HALVES > 1u) { step(&a10, d1, w.p0, w.p1, w.p2, w.p3); }
        }
        {
          let v0 = weight[r + min(4u * block0 + 4u, params.ci - 1u) * params.co4 + k];
          let v1 = weight[r + min(4u * block0 + 5u, params.ci - 1u) * params.co4 + k];
          let v2 = weight[r + min(4u * block0 + 6u, params.ci - 1u) * params.co4 + k];
          let v3 = weight[r + min(4u * block0 + 7u, params.ci - 1u) * params.co4 + k];
          let w = transposed(v0, v1, v2, v3);
          step(&a01, d0, w.p0, w.p1, w.p2, w.p3);
          if (HALVES > 1u) { step(&a11, d1, w.p0, w.p1, w.p2, w.p3); }
        }
      }
      collect(&s00, &a00);
      collect(&s01, &a01);
      if (HALVES > 1u) { collect(&s10, &a10); }
      if (HALVES > 1u) { collect(&s11, &a11); }
    }
  }
  store(group, own, block0, s00);
  store(group, own, block0 + 1u, s01);
  if (HALVES > 1u) { store(group, own + 4u * WG, block0, s10); }
  if (HALVES > 1u) { store(group, own + 4u * WG, block0 + 1u, s11); }
}

fn store(group: Class, row: u32, c: u32, s: Four) {
  if (c >= params.ci4) { return; }
  store_one(group, row, c, s.p0);
  store_one(group, row + WG, c, s.p1);
  store_one(group, row + 2u * WG, c, s.p2);
  store_one(group, row + 3u * WG, c, s.p3);
}

fn store_one(group: Class, row: u32, c: u32, value: vec4f) {
  if (row >= group.rows) { return; }
  let p = pixel(group, row);
  let real = 4u * c + vec4u(0u, 1u, 2u, 3u) < vec4u(params.ci);
  dx[((p.n * params.h + p.y) * params.w + p.x) * params.ci4 + c] = select(vec4f(), value, real);
}
