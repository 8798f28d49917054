enable subgroups;

// Gradient of a 2-D convolution by its input, NHWC:
// dx[n,iy,ix,ci] = sum over ky,kx,co of dy[n, (iy+pad-ky)/stride, (ix+pad-kx)/stride, co] * weight[ky,kx,ci,co], where the division is exact
// and inside. dy [n,oh,ow,4*co4], weight [kh,kw,ci,4*co4], dx [n,h,w,4*ci4].
// Input pixels of one remainder by stride, in y and x, are one class: they meet the same taps, and no others are visited.
// One subgroup of 8 lanes computes 8*GROUPS pixels of one class x 32 input channels: lane l owns channels 4l..4l+3 of all these pixels
// and loads, for four channels of dy at a time, its four weight vec4 (transposed here) and the dy of pixels l, l+8, ...; dy is
// shared by broadcast. Spare channels (ci no multiple of 4) read the last weight row and are stored as zeros.
// Taps outside the image read a clamped address times 0; a tap that is outside for the whole tile is left out.
diagnostic(off, subgroup_uniformity);

const GROUPS: u32 = 3u;
// Pixels are taken in the order position, image (else image, position): the tile then shares its outside taps.
const BY_POSITION: bool = false;

struct Params { n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// Remainders of a class, how many rows and columns of an image it has, and how many pixels of all images.
struct Class { y: u32, x: u32, h: u32, w: u32, rows: u32 }
struct Pixel { n: u32, y: u32, x: u32 }
struct Tap { index: u32, factor: f32 }
// Of 8 pixels, this lane's four channels.
struct Rows { r0: vec4f, r1: vec4f, r2: vec4f, r3: vec4f, r4: vec4f, r5: vec4f, r6: vec4f, r7: vec4f }

fn class_of(index: u32) -> Class {
  let y = index / params.stride;
  let x = index % params.stride;
  let h = (params.h + params.stride - 1u - y) / params.stride;
  let w = (params.w + params.stride - 1u - x) / params.stride;
  return Class(y, x, h, w, params.n * h * w);
}

// The row-th pixel of a class in the order of this kernel.
fn pixel(c: Class, row: u32) -> Pixel {
  let positions = max(c.h * c.w, 1u);
  let n = select(row / positions, row % params.n, BY_POSITION);
  let position = select(row % positions, row / params.n, BY_POSITION);
  let columns = max(c.w, 1u);
  return Pixel(n, position / columns * params.stride + c.y, position % columns * params.stride + c.x);
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

fn step(a: ptr<function, Rows>, d: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) {
  (*a).r0 += multiply(subgroupBroadcast(d, 0u), w0, w1, w2, w3);
  (*a).r1 += multiply(subgroupBroadcast(d, 1u), w0, w1, w2, w3);
  (*a).r2 += multiply(subgroupBroadcast(d, 2u), w0, w1, w2, w3);
  (*a).r3 += multiply(subgroupBroadcast(d, 3u), w0, w1, w2, w3);
  (*a).r4 += multiply(subgroupBroadcast(d, 4u), w0, w1, w2, w3);
  (*a).r5 += multiply(subgroupBroadcast(d, 5u), w0, w1, w2, w3);
  (*a).r6 += multiply(subgroupBroadcast(d, 6u), w0, w1, w2, w3);
  (*a).r7 += multiply(subgroupBroadcast(d, 7u), w0, w1, w2, w3);
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

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let tiles = (params.ci4 + 7u) / 8u;
  let group = class_of(wid.y / tiles);
  let first_row = (wid.z * nwg.x + wid.x) * 8u * GROUPS;
  if (first_row >= group.rows) { return; }
  let own = first_row + lane;
  let last = group.rows - 1u;
  let c = wid.y % tiles * 8u + lane;
  let spare = params.ci - 1u;
  let column0 = min(4u * c, spare) * params.co4;
  let column1 = min(4u * c + 1u, spare) * params.co4;
  let column2 = min(4u * c + 2u, spare) * params.co4;
  let column3 = min(4u * c + 3u, spare) * params.co4;
  let p0 = pixel(group, min(own, last));
  let p1 = pixel(group, min(own + 8u, last));
  let p2 = pixel(group, min(own + 16u, last));
  let p3 = pixel(group, min(own + 24u, last));
  // Totals s, and sums a of one tap: two short sums round less than one long one.
  var s0 = Rows(); var s1 = Rows(); var s2 = Rows(); var s3 = Rows();
  var a0 = Rows(); var a1 = Rows(); var a2 = Rows(); var a3 = Rows();
  for (var ky = (group.y + params.pad) % params.stride; ky < params.kh; ky += params.stride) {
    for (var kx = (group.x + params.pad) % params.stride; kx < params.kw; kx += params.stride) {
      let t0 = tap(p0, ky, kx);
      let t1 = tap(p1, ky, kx);
      let t2 = tap(p2, ky, kx);
      let t3 = tap(p3, ky, kx);
      var inside = t0.factor;
      if (GROUPS > 1u) { inside += t1.factor; }
      if (GROUPS > 2u) { inside += t2.factor; }
      if (GROUPS > 3u) { inside += t3.factor; }
      if (!subgroupAny(inside > 0.0)) { continue; }
      let r = (ky * params.kw + kx) * params.ci * params.co4;
      for (var k = 0u; k < params.co4; k++) {
        let d0 = dy[t0.index + k] * t0.factor;
        var d1 = vec4f(); var d2 = vec4f(); var d3 = vec4f();
        if (GROUPS > 1u) { d1 = dy[t1.index + k] * t1.factor; }
        if (GROUPS > 2u) { d2 = dy[t2.index + k] * t2.factor; }
        if (GROUPS > 3u) { d3 = dy[t3.index + k] * t3.factor; }
        let v0 = weight[r + column0 + k];
        let v1 = weight[r + column1 + k];
        let v2 = weight[r + column2 + k];
        let v3 = weight[r + column3 + k];
        let w0 = vec4f(v0.x, v1.x, v2.x, v3.x);
        let w1 = vec4f(v0.y, v1.y, v2.y, v3.y);
        let w2 = vec4f(v0.z, v1.z, v2.z, v3.z);
        let w3 = vec4f(v0.w, v1.w, v2.w, v3.w);
        step(&a0, d0, w0, w1, w2, w3);
        if (GROUPS > 1u) { step(&a1, d1, w0, w1, w2, w3); }
        if (GROUPS > 2u) { step(&a2, d2, w0, w1, w2, w3); }
        if (GROUPS > 3u) { step(&a3, d3, w0, w1, w2, w3); }
      }
      collect(&s0, &a0);
      if (GROUPS > 1u) { collect(&s1, &a1); }
      if (GROUPS > 2u) { collect(&s2, &a2); }
      if (GROUPS > 3u) { collect(&s3, &a3); }
    }
  }
  if (c >= params.ci4) { return; }
  store(group, first_row, c, s0);
  if (GROUPS > 1u) { store(group, first_row + 8u, c, s1); }
  if (GROUPS > 2u) { store(group, first_row + 16u, c, s2); }
  if (GROUPS > 3u) { store(group, first_row + 24u, c, s3); }
}

fn store(group: Class, row: u32, c: u32, s: Rows) {
  store_one(group, row, c, s.r0);
  store_one(group, row + 1u, c, s.r1);
  store_one(group, row + 2u, c, s.r2);
  store_one(group, row + 3u, c, s.r3);
  store_one(group, row + 4u, c, s.r4);
  store_one(group, row + 5u, c, s.r5);
  store_one(group, row + 6u, c, s.r6);
  store_one(group, row + 7u, c, s.r7);
}

fn store_one(group: Class, row: u32, c: u32, value: vec4f) {
  if (row >= group.rows) { return; }
  let p = pixel(group, row);
  let real = 4u * c + vec4u(0u, 1u, 2u, 3u) < vec4u(params.ci);
  dx[((p.n * params.h + p.y) * params.w + p.x) * params.ci4 + c] = select(vec4f(), value, real);
}
