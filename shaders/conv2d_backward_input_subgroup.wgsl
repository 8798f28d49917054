enable subgroups;

// Gradient of a 2-D convolution by its input, NHWC:
// dx[n,iy,ix,ci] = sum over ky,kx,co of dy[n, (iy+pad-ky)/stride, (ix+pad-kx)/stride, co] * weight[ky,kx,ci,co], where the division is exact
// and inside. dy [n,oh,ow,4*co4], weight [kh,kw,ci,4*co4], dx [n,h,w,4*ci4].
// One invocation computes 4 consecutive input pixels x 8 input channels; vec4 run along co, so the weights need no transpose.
// The 8 weight vec4 of a step are loaded by 8 lanes and broadcast: 5 loads a lane instead of 12 (needs subgroups of 8 or more).
// Spare channels (ci no multiple of 4) read the last weight row and are stored as zeros.
const WG: u32 = 64u;

struct Params { n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

struct Origin { row: i32, y: i32, x: i32 }
struct Tap { index: u32, factor: f32 }

fn origin(pixel: u32) -> Origin {
  let ix = pixel % params.w;
  let rest = pixel / params.w;
  let iy = rest % params.h;
  let n = rest / params.h;
  return Origin(i32(n * params.oh), i32(iy + params.pad), i32(ix + params.pad));
}

fn tap(o: Origin, ky: i32, kx: i32) -> Tap {
  let s = i32(params.stride);
  let ty = o.y - ky;
  let tx = o.x - kx;
  let oy = ty / s;
  let ox = tx / s;
  let inside = ty >= 0 && tx >= 0 && oy * s == ty && ox * s == tx && oy < i32(params.oh) && ox < i32(params.ow);
  let cy = clamp(oy, 0, i32(params.oh) - 1);
  let cx = clamp(ox, 0, i32(params.ow) - 1);
  return Tap(u32((o.row + cy) * i32(params.ow) + cx) * params.co4, select(0.0, 1.0, inside));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let pixels = params.n * params.h * params.w;
  let p = ((wid.z * nwg.x + wid.x) * WG + lid) * 4u;
  let last = pixels - 1u;
  let c0 = wid.y * 2u;
  let c1 = min(c0 + 1u, params.ci4 - 1u);
  // This lane's weight: input channel lane % 4 of block c0 or c1.
  let own = min(select(c0, c1, (lane & 4u) == 4u) * 4u + (lane & 3u), params.ci - 1u) * params.co4;
  let o0 = origin(min(p, last));
  let o1 = origin(min(p + 1u, last));
  let o2 = origin(min(p + 2u, last));
  let o3 = origin(min(p + 3u, last));
  // Totals s, and sums a of one tap: two short sums round less than one long one.
  var s00 = vec4f(); var s01 = vec4f();
  var s10 = vec4f(); var s11 = vec4f();
  var s20 = vec4f(); var s21 = vec4f();
  var s30 = vec4f(); var s31 = vec4f();
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      var a00 = vec4f(); var a01 = vec4f();
      var a10 = vec4f(); var a11 = vec4f();
      var a20 = vec4f(); var a21 = vec4f();
      var a30 = vec4f(); var a31 = vec4f();
      let t0 = tap(o0, i32(ky), i32(kx));
      let t1 = tap(o1, i32(ky), i32(kx));
      let t2 = tap(o2, i32(ky), i32(kx));
      let t3 = tap(o3, i32(ky), i32(kx));
      let r = (ky * params.kw + kx) * params.ci * params.co4 + own;
      for (var k = 0u; k < params.co4; k++) {
        let d0 = dy[t0.index + k] * t0.factor;
        let d1 = dy[t1.index + k] * t1.factor;
        let d2 = dy[t2.index + k] * t2.factor;
        let d3 = dy[t3.index + k] * t3.factor;
        let w = weight[r + k];
        let w00 = subgroupBroadcast(w, 0u);
        let w01 = subgroupBroadcast(w, 1u);
        let w02 = subgroupBroadcast(w, 2u);
        let w03 = subgroupBroadcast(w, 3u);
        let w10 = subgroupBroadcast(w, 4u);
        let w11 = subgroupBroadcast(w, 5u);
        let w12 = subgroupBroadcast(w, 6u);
        let w13 = subgroupBroadcast(w, 7u);
        a00 += vec4f(dot(d0, w00), dot(d0, w01), dot(d0, w02), dot(d0, w03));
        a01 += vec4f(dot(d0, w10), dot(d0, w11), dot(d0, w12), dot(d0, w13));
        a10 += vec4f(dot(d1, w00), dot(d1, w01), dot(d1, w02), dot(d1, w03));
        a11 += vec4f(dot(d1, w10), dot(d1, w11), dot(d1, w12), dot(d1, w13));
        a20 += vec4f(dot(d2, w00), dot(d2, w01), dot(d2, w02), dot(d2, w03));
        a21 += vec4f(dot(d2, w10), dot(d2, w11), dot(d2, w12), dot(d2, w13));
        a30 += vec4f(dot(d3, w00), dot(d3, w01), dot(d3, w02), dot(d3, w03));
        a31 += vec4f(dot(d3, w10), dot(d3, w11), dot(d3, w12), dot(d3, w13));
      }
      s00 += a00; s01 += a01;
      s10 += a10; s11 += a11;
      s20 += a20; s21 += a21;
      s30 += a30; s31 += a31;
    }
  }
  if (p <= last) { store(p, c0, s00, s01); }
  if (p + 1u <= last) { store(p + 1u, c0, s10, s11); }
  if (p + 2u <= last) { store(p + 2u, c0, s20, s21); }
  if (p + 3u <= last) { store(p + 3u, c0, s30, s31); }
}

fn store(pixel: u32, c0: u32, v0: vec4f, v1: vec4f) {
  dx[pixel * params.ci4 + c0] = select(vec4f(), v0, c0 * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(params.ci));
  if (c0 + 1u < params.ci4) { dx[pixel * params.ci4 + c0 + 1u] = select(vec4f(), v1, c0 * 4u + vec4u(4u, 5u, 6u, 7u) < vec4u(params.ci)); }
}
