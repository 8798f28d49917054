enable subgroups;

// 2-D convolution, NHWC: y[n,oy,ox,co] = bias[co] + sum over ky,kx,ci of x[n, oy*stride-pad+ky, ox*stride-pad+kx, ci] * weight[ky,kx,ci,co].
// x [n,h,w,4*ci4], weight [kh,kw,ci,4*co4], bias [4*co4], y [n,oh,ow,4*co4]; channels are padded with zeros to whole vec4.
// One invocation computes 4 output pixels, WG apart, x 4*BLOCKS output channels.
// The weight vec4 of a step are loaded by 8 lanes, one or two each, and broadcast (needs subgroups of 8 or more).
// Where ci is no multiple of 4, the last step's spare weight rows belong to the next tap (clamped at the end) and meet zeros of x.
// Taps outside the image read a clamped address times 0: no divergence in the inner loop.
const WG: u32 = 8u;
// 2 to 4.
const BLOCKS: u32 = 2u;
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
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let pixels = params.n * params.oh * params.ow;
  let last = pixels - 1u;
  let own = (wid.z * nwg.x + wid.x) * 4u * WG + lid;
  let block0 = wid.y * BLOCKS;
  // This lane's weights: row lane % 4 of the step, of blocks lane / 4 % 2 and that + 2.
  let own_row = (lane & 3u) * params.co4;
  let own_block = block0 + ((lane >> 2u) & 1u);
  let low = min(own_block, params.co4 - 1u);
  let high = min(own_block + 2u, params.co4 - 1u);
  let top = (params.kh * params.kw * params.ci - 1u) * params.co4;
  let o0 = origin(min(own, last));
  let o1 = origin(min(own + 1u * WG, last));
  let o2 = origin(min(own + 2u * WG, last));
  let o3 = origin(min(own + 3u * WG, last));
  // Totals s of sums b of one tap of sums a of RUN steps: short sums round less than one long one. Deep networks amplify rounding,
  // and a max pool or a ReLU that decides otherwise than the true value changes gradients visibly.
  var s00 = Four(); var s01 = Four(); var s02 = Four(); var s03 = Four();
  var b00 = Four(); var b01 = Four(); var b02 = Four(); var b03 = Four();
  var a00 = Four(); var a01 = Four(); var a02 = Four(); var a03 = Four();
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      let t0 = tap(o0, ky, kx);
      let t1 = tap(o1, ky, kx);
      let t2 = tap(o2, ky, kx);
      let t3 = tap(o3, ky, kx);
      var r = (ky * params.kw + kx) * params.ci * params.co4;
      for (var first = 0u; first < params.ci4; first += RUN) {
        let end = select(params.ci4, min(first + RUN, params.ci4), RUNS);
        for (var k = first; k < end; k++) {
          let x0 = load(k, t0, t1, t2, t3);
          let row = min(r + own_row, top);
          let near = weight[row + low];
          var far = vec4f();
          if (BLOCKS > 2u) { far = weight[row + high]; }
          {
            let w0 = subgroupBroadcast(near, 0u);
            let w1 = subgroupBroadcast(near, 1u);
            let w2 = subgroupBroadcast(near, 2u);
            let w3 = subgroupBroadcast(near, 3u);
            step(&a00, x0, w0, w1, w2, w3);
          }
          {
            let w0 = subgroupBroadcast(near, 4u);
            let w1 = subgroupBroadcast(near, 5u);
            let w2 = subgroupBroadcast(near, 6u);
            let w3 = subgroupBroadcast(near, 7u);
            step(&a01, x0, w0, w1, w2, w3);
          }
          if (BLOCKS > 2u) {
            let w0 = subgroupBroadcast(far, 0u);
            let w1 = subgroupBroadcast(far, 1u);
            let w2 = subgroupBroadcast(far, 2u);
            let w3 = subgroupBroadcast(far, 3u);
            step(&a02, x0, w0, w1, w2, w3);
          }
          if (BLOCKS > 3u) {
            let w0 = subgroupBroadcast(far, 4u);
            let w1 = subgroupBroadcast(far, 5u);
            let w2 = subgroupBroadcast(far, 6u);
            let w3 = subgroupBroadcast(far, 7u);
            step(&a03, x0, w0, w1, w2, w3);
          }
          r += 4u * params.co4;
        }
        if (RUNS) {
          collect(&b00, &a00);
          collect(&b01, &a01);
          if (BLOCKS > 2u) { collect(&b02, &a02); }
          if (BLOCKS > 3u) { collect(&b03, &a03); }
        }
      }
      if (RUNS) {
        collect(&s00, &b00);
        collect(&s01, &b01);
        if (BLOCKS > 2u) { collect(&s02, &b02); }
        if (BLOCKS > 3u) { collect(&s03, &b03); }
      } else {
        collect(&s00, &a00);
        collect(&s01, &a01);
        if (BLOCKS > 2u) { collect(&s02, &a02); }
        if (BLOCKS > 3u) { collect(&s03, &a03); }
      }
    }
  }
  store(own, block0, s00);
  store(own, block0 + 1u, s01);
  if (BLOCKS > 2u) { store(own, block0 + 2u, s02); }
  if (BLOCKS > 3u) { store(own, block0 + 3u, s03); }
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
