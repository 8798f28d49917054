enable subgroups;

// 2-D convolution, NHWC: y[n,oy,ox,co] = bias[co] + sum over ky,kx,ci of x[n, oy*stride-pad+ky, ox*stride-pad+kx, ci] * weight[ky,kx,ci,co].
// x [n,h,w,4*ci4], weight [kh,kw,ci,4*co4], bias [4*co4], y [n,oh,ow,4*co4]; channels are padded with zeros to whole vec4.
// One subgroup of 8 lanes computes 8*GROUPS output pixels x 32 output channels: lane l owns channels 4l..4l+3 of all these pixels
// and loads, for four channels of x at a time, its four weight vec4 and the x of pixels l, l+8, ...; x is shared by broadcast.
// Where ci is no multiple of 4, the last step's spare weight rows belong to the next tap (clamped at the end) and meet zeros of x.
// Taps outside the image read a clamped address times 0; a tap that is outside for the whole tile is left out.
diagnostic(off, subgroup_uniformity);

const GROUPS: u32 = 3u;
// Steps of 4 input channels that are summed at a stretch.
const RUN: u32 = 16u;
// ci4 > RUN: a tap takes several runs (else one, and the level of sums between run and total falls away).
const RUNS: bool = true;
// Pixels are taken in the order position, image (else image, position): the tile then shares its outside taps.
const BY_POSITION: bool = false;

struct Params { n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32, has_bias: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

struct Origin { row: i32, y: i32, x: i32 }
struct Tap { index: u32, factor: f32 }
// Of 8 pixels, this lane's four channels.
struct Rows { r0: vec4f, r1: vec4f, r2: vec4f, r3: vec4f, r4: vec4f, r5: vec4f, r6: vec4f, r7: vec4f }

// Index in y of the row-th pixel in the order of this kernel.
fn pixel(row: u32) -> u32 {
  return select(row, row % params.n * (params.oh * params.ow) + row / params.n, BY_POSITION);
}

fn origin(row: u32) -> Origin {
  let p = pixel(row);
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
  return Tap(u32((o.row + cy) * i32(params.w) + cx) * params.ci4, select(0.0, 1.0, inside));
}

fn multiply(x: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return x.x * w0 + x.y * w1 + x.z * w2 + x.w * w3;
}

fn step(a: ptr<function, Rows>, x: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) {
  (*a).r0 += multiply(subgroupBroadcast(x, 0u), w0, w1, w2, w3);
  (*a).r1 += multiply(subgroupBroadcast(x, 1u), w0, w1, w2, w3);
  (*a).r2 += multiply(subgroupBroadcast(x, 2u), w0, w1, w2, w3);
  (*a).r3 += multiply(subgroupBroadcast(x, 3u), w0, w1, w2, w3);
  (*a).r4 += multiply(subgroupBroadcast(x, 4u), w0, w1, w2, w3);
  (*a).r5 += multiply(subgroupBroadcast(x, 5u), w0, w1, w2, w3);
  (*a).r6 += multiply(subgroupBroadcast(x, 6u), w0, w1, w2, w3);
  (*a).r7 += multiply(subgroupBroadcast(x, 7u), w0, w1, w2, w3);
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
  let rows = params.n * params.oh * params.ow;
  let first_row = (wid.z * nwg.x + wid.x) * 8u * GROUPS;
  let own = first_row + lane;
  let c = wid.y * 8u + lane;
  let column = min(c, params.co4 - 1u);
  let top = (params.kh * params.kw * params.ci - 1u) * params.co4 + column;
  let o0 = origin(min(own, rows - 1u));
  let o1 = origin(min(own + 8u, rows - 1u));
  let o2 = origin(min(own + 16u, rows - 1u));
  let o3 = origin(min(own + 24u, rows - 1u));
  // Totals s of sums b of one tap of sums a of RUN steps: short sums round less than one long one. Deep networks amplify rounding,
  // and a max pool or a ReLU that decides otherwise than the true value changes gradients visibly.
  var s0 = Rows(); var s1 = Rows(); var s2 = Rows(); var s3 = Rows();
  var b0 = Rows(); var b1 = Rows(); var b2 = Rows(); var b3 = Rows();
  var a0 = Rows(); var a1 = Rows(); var a2 = Rows(); var a3 = Rows();
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      let t0 = tap(o0, ky, kx);
      let t1 = tap(o1, ky, kx);
      let t2 = tap(o2, ky, kx);
      let t3 = tap(o3, ky, kx);
      var inside = t0.factor;
      if (GROUPS > 1u) { inside += t1.factor; }
      if (GROUPS > 2u) { inside += t2.factor; }
      if (GROUPS > 3u) { inside += t3.factor; }
      if (!subgroupAny(inside > 0.0)) { continue; }
      var r = (ky * params.kw + kx) * params.ci * params.co4 + column;
      for (var first = 0u; first < params.ci4; first += RUN) {
        let end = select(params.ci4, min(first + RUN, params.ci4), RUNS);
        for (var k = first; k < end; k++) {
          let x0 = x[t0.index + k] * t0.factor;
          var x1 = vec4f(); var x2 = vec4f(); var x3 = vec4f();
          if (GROUPS > 1u) { x1 = x[t1.index + k] * t1.factor; }
          if (GROUPS > 2u) { x2 = x[t2.index + k] * t2.factor; }
          if (GROUPS > 3u) { x3 = x[t3.index + k] * t3.factor; }
          let w0 = weight[r];
          let w1 = weight[min(r + params.co4, top)];
          let w2 = weight[min(r + 2u * params.co4, top)];
          let w3 = weight[min(r + 3u * params.co4, top)];
          step(&a0, x0, w0, w1, w2, w3);
          if (GROUPS > 1u) { step(&a1, x1, w0, w1, w2, w3); }
          if (GROUPS > 2u) { step(&a2, x2, w0, w1, w2, w3); }
          if (GROUPS > 3u) { step(&a3, x3, w0, w1, w2, w3); }
          r += 4u * params.co4;
        }
        if (RUNS) {
          collect(&b0, &a0);
          if (GROUPS > 1u) { collect(&b1, &a1); }
          if (GROUPS > 2u) { collect(&b2, &a2); }
          if (GROUPS > 3u) { collect(&b3, &a3); }
        }
      }
      if (RUNS) {
        collect(&s0, &b0);
        if (GROUPS > 1u) { collect(&s1, &b1); }
        if (GROUPS > 2u) { collect(&s2, &b2); }
        if (GROUPS > 3u) { collect(&s3, &b3); }
      } else {
        collect(&s0, &a0);
        if (GROUPS > 1u) { collect(&s1, &a1); }
        if (GROUPS > 2u) { collect(&s2, &a2); }
        if (GROUPS > 3u) { collect(&s3, &a3); }
      }
    }
  }
  if (c >= params.co4) { return; }
  var offset = vec4f();
  if (params.has_bias == 1u) { offset = bias[c]; }
  store(first_row, c, offset, s0);
  if (GROUPS > 1u) { store(first_row + 8u, c, offset, s1); }
  if (GROUPS > 2u) { store(first_row + 16u, c, offset, s2); }
  if (GROUPS > 3u) { store(first_row + 24u, c, offset, s3); }
}

fn store(row: u32, c: u32, offset: vec4f, s: Rows) {
  store_one(row, c, s.r0 + offset);
  store_one(row + 1u, c, s.r1 + offset);
  store_one(row + 2u, c, s.r2 + offset);
  store_one(row + 3u, c, s.r3 + offset);
  store_one(row + 4u, c, s.r4 + offset);
  store_one(row + 5u, c, s.r5 + offset);
  store_one(row + 6u, c, s.r6 + offset);
  store_one(row + 7u, c, s.r7 + offset);
}

fn store_one(row: u32, c: u32, value: vec4f) {
  if (row < params.n * params.oh * params.ow) { y[pixel(row) * params.co4 + c] = value; }
}
