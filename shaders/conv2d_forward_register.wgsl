// 2-D convolution, NHWC: y[n,oy,ox,co] = bias[co] + sum over ky,kx,ci of x[n, oy*stride-pad+ky, ox*stride-pad+kx, ci] * weight[ky,kx,ci,co].
// x [n,h,w,4*ci4], weight [kh,kw,ci,4*co4], bias [4*co4], y [n,oh,ow,4*co4]; channels are padded with zeros to whole vec4.
// One invocation computes 4*HALVES output pixels, WG apart, x 8 output channels.
// Where ci is no multiple of 4, the last step's spare weight rows belong to the next tap (clamped at the end) and meet zeros of x.
// Taps outside the image read a clamped address times 0: no divergence in the inner loop.
const WG: u32 = 8u;
const HALVES: u32 = 1u;
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
struct Tap { index: u32, factor: f32 }
// Four vec4, one a pixel.
struct Four { p0: vec4f, p1: vec4f, p2: vec4f, p3: vec4f }

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
  return Tap(u32((o.row + cy) * i32(params.w) + cx) * params.ci4, select(0.0, 1.0, inside));
}

fn multiply(x: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return x.x * w0 + x.y * w1 + x.z * w2 + x.w * w3;
}

fn step(a: ptr<function, Four>, x: Four, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) {
  (*a).p0 += multiply(x.p0, w0, w1, w2, w3);
  (*a).p1 += multiply(x.p1, w0, w1, w2, w3);
  (*a).p2 += multiply(x.p2, w0, w1, w2, w3);
  (*a).p3 += multiply(x.p3, w0, w1, w2, w3);
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
  return Four(x[t0.index + k] * t0.factor, x[t1.index + k] * t1.factor, x[t2.index + k] * t2.factor, x[t3.index + k] * t3.factor);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let pixels = params.n * params.oh * params.ow;
  let last = pixels - 1u;
  let own = (wid.z * nwg.x + wid.x) * 4u * HALVES * WG + lid;
  let block0 = wid.y * 2u;
  let c0 = min(block0 + 0u, params.co4 - 1u);
  let c1 = min(block0 + 1u, params.co4 - 1u);
  let top = (params.kh * params.kw * params.ci - 1u) * params.co4;
  let o0 = origin(min(own, last));
  let o1 = origin(min(own + 1u * WG, last));
  let o2 = origin(min(own + 2u * WG, last));
  let o3 = origin(min(own + 3u * WG, last));
  let o4 = origin(min(own + 4u * WG, last));
  let o5 = origin(min(own + 5u * WG, last));
  let o6 = origin(min(own + 6u * WG, last));
  let o7 = origin(min(own + 7u * WG, last));
  // Totals s of sums b of one tap of sums a of RUN steps: short sums round less than one long one. Deep networks amplify rounding,
  // and a max pool or a ReLU that decides otherwise than the true value changes gradients visibly.
  var s00 = Four(); var s01 = Four();
  var s10 = Four(); var s11 = Four();
  var b00 = Four(); var b01 = Four();
  var b10 = Four(); var b11 = Four();
  var a00 = Four(); var a01 = Four();
  var a10 = Four(); var a11 = Four();
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      let t0 = tap(o0, ky, kx);
      let t1 = tap(o1, ky, kx);
      let t2 = tap(o2, ky, kx);
      let t3 = tap(o3, ky, kx);
      let t4 = tap(o4, ky, kx);
      let t5 = tap(o5, ky, kx);
      let t6 = tap(o6, ky, kx);
      let t7 = tap(o7, ky, kx);
      var r = (ky * params.kw + kx) * params.ci * params.co4;
      for (var first = 0u; first < params.ci4; first += RUN) {
        let end = select(params.ci4, min(first + RUN, params.ci4), RUNS);
        for (var k = first; k < end; k++) {
          let x0 = load(k, t0, t1, t2, t3);
          var x1 = Four();
          if (HALVES > 1u) { x1 = load(k, t4, t5, t6, t7); }
          let r1 = min(r + params.co4, top);
          let r2 = min(r + 2u * params.co4, top);
          let r3 = min(r + 3u * params.co4, top);
          {
            let w0 = weight[r + c0];
            let w1 = weight[r1 + c0];
            let w2 = weight[r2 + c0];
            let w3 = weight[r3 + c0];
            step(&a00, x0, w0, w1, w2, w3);
            if (HALVES > 1u) { step(&a10, x1, w0, w1, w2, w3); }
          }
          {
            let w0 = weight[r + c1];
            let w1 = weight[r1 + c1];
            let w2 = weight[r2 + c1];
            let w3 = weight[r3 + c1];
            step(&a01, x0, w0, w1, w2, w3);
            if (HALVES > 1u) { step(&a11, x1, w0, w1, w2, w3); }
          }
          r += 4u * params.co4;
        }
        if (RUNS) {
          collect(&b00, &a00);
          collect(&b01, &a01);
          if (HALVES > 1u) { collect(&b10, &a10); }
          if (HALVES > 1u) { collect(&b11, &a11); }
        }
      }
      if (RUNS) {
        collect(&s00, &b00);
        collect(&s01, &b01);
        if (HALVES > 1u) { collect(&s10, &b10); }
        if (HALVES > 1u) { collect(&s11, &b11); }
      } else {
        collect(&s00, &a00);
        collect(&s01, &a01);
        if (HALVES > 1u) { collect(&s10, &a10); }
        if (HALVES > 1u) { collect(&s11, &a11); }
      }
    }
  }
  store(own, block0, s00);
  store(own, block0 + 1u, s01);
  if (HALVES > 1u) { store(own + 4u * WG, block0, s10); }
  if (HALVES > 1u) { store(own + 4u * WG, block0 + 1u, s11); }
}

fn store(p: u32, c: u32, s: Four) {
  if (c >= params.co4) { return; }
  var offset = vec4f();
  if (params.has_bias == 1u) { offset = bias[c]; }
  store_one(p, c, s.p0 + offset);
  store_one(p + WG, c, s.p1 + offset);
  store_one(p + 2u * WG, c, s.p2 + offset);
  store_one(p + 3u * WG, c, s.p3 + offset);
}

fn store_one(p: u32, c: u32, value: vec4f) {
  if (p < params.n * params.oh * params.ow) { y[p * params.co4 + c] = value; }
}
