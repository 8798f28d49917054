// 2-D convolution, NHWC: y[n,oy,ox,co] = bias[co] + sum over ky,kx,ci of x[n, oy*stride-pad+ky, ox*stride-pad+kx, ci] * weight[ky,kx,ci,co].
// x [n,h,w,4*ci4], weight [kh,kw,ci,4*co4], bias [4*co4], y [n,oh,ow,4*co4]; channels are padded with zeros to whole vec4.
// One invocation computes 4 consecutive output pixels x 8 output channels, so that 12 vec4 loads feed 128 multiply-adds.
// Where ci is no multiple of 4, the last step's spare weight rows belong to the next tap (clamped at the end) and meet zeros of x.
// Taps outside the image read a clamped address times 0: no divergence in the inner loop.
const WG: u32 = 64u;
const RUN: u32 = 16u;

struct Params { n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32, has_bias: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

struct Origin { row: i32, y: i32, x: i32 }
struct Tap { index: u32, factor: f32 }

fn origin(pixel: u32) -> Origin {
  let ox = pixel % params.ow;
  let rest = pixel / params.ow;
  let oy = rest % params.oh;
  let n = rest / params.oh;
  return Origin(i32(n * params.h), i32(oy * params.stride) - i32(params.pad), i32(ox * params.stride) - i32(params.pad));
}

fn tap(o: Origin, ky: i32, kx: i32) -> Tap {
  let iy = o.y + ky;
  let ix = o.x + kx;
  let inside = iy >= 0 && iy < i32(params.h) && ix >= 0 && ix < i32(params.w);
  let cy = clamp(iy, 0, i32(params.h) - 1);
  let cx = clamp(ix, 0, i32(params.w) - 1);
  return Tap(u32((o.row + cy) * i32(params.w) + cx) * params.ci4, select(0.0, 1.0, inside));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let pixels = params.n * params.oh * params.ow;
  let p = ((wid.z * nwg.x + wid.x) * WG + lid) * 4u;
  if (p >= pixels) { return; }
  let last = pixels - 1u;
  let c0 = wid.y * 2u;
  let c1 = min(c0 + 1u, params.co4 - 1u);
  let o0 = origin(p);
  let o1 = origin(min(p + 1u, last));
  let o2 = origin(min(p + 2u, last));
  let o3 = origin(min(p + 3u, last));
  // Totals s of sums b of one tap of sums a of RUN steps: short sums round less than one long one. Deep networks amplify rounding,
  // and a max pool or a ReLU that decides otherwise than the true value changes gradients visibly.
  var s00 = vec4f(); var s01 = vec4f();
  var s10 = vec4f(); var s11 = vec4f();
  var s20 = vec4f(); var s21 = vec4f();
  var s30 = vec4f(); var s31 = vec4f();
  let top = (params.kh * params.kw * params.ci - 1u) * params.co4;
  for (var ky = 0u; ky < params.kh; ky++) {
    for (var kx = 0u; kx < params.kw; kx++) {
      let t0 = tap(o0, i32(ky), i32(kx));
      let t1 = tap(o1, i32(ky), i32(kx));
      let t2 = tap(o2, i32(ky), i32(kx));
      let t3 = tap(o3, i32(ky), i32(kx));
      var r = (ky * params.kw + kx) * params.ci * params.co4;
      var b00 = vec4f(); var b01 = vec4f();
      var b10 = vec4f(); var b11 = vec4f();
      var b20 = vec4f(); var b21 = vec4f();
      var b30 = vec4f(); var b31 = vec4f();
      for (var first = 0u; first < params.ci4; first += RUN) {
        var a00 = vec4f(); var a01 = vec4f();
        var a10 = vec4f(); var a11 = vec4f();
        var a20 = vec4f(); var a21 = vec4f();
        var a30 = vec4f(); var a31 = vec4f();
        for (var k = first; k < min(first + RUN, params.ci4); k++) {
          let x0 = x[t0.index + k] * t0.factor;
          let x1 = x[t1.index + k] * t1.factor;
          let x2 = x[t2.index + k] * t2.factor;
          let x3 = x[t3.index + k] * t3.factor;
          let r1 = min(r + params.co4, top);
          let r2 = min(r + 2u * params.co4, top);
          let r3 = min(r + 3u * params.co4, top);
          let w00 = weight[r + c0];
          let w01 = weight[r + c1];
          let w10 = weight[r1 + c0];
          let w11 = weight[r1 + c1];
          let w20 = weight[r2 + c0];
          let w21 = weight[r2 + c1];
          let w30 = weight[r3 + c0];
          let w31 = weight[r3 + c1];
          a00 += x0.x * w00 + x0.y * w10 + x0.z * w20 + x0.w * w30;
          a01 += x0.x * w01 + x0.y * w11 + x0.z * w21 + x0.w * w31;
          a10 += x1.x * w00 + x1.y * w10 + x1.z * w20 + x1.w * w30;
          a11 += x1.x * w01 + x1.y * w11 + x1.z * w21 + x1.w * w31;
          a20 += x2.x * w00 + x2.y * w10 + x2.z * w20 + x2.w * w30;
          a21 += x2.x * w01 + x2.y * w11 + x2.z * w21 + x2.w * w31;
          a30 += x3.x * w00 + x3.y * w10 + x3.z * w20 + x3.w * w30;
          a31 += x3.x * w01 + x3.y * w11 + x3.z * w21 + x3.w * w31;
          r += 4u * params.co4;
        }
        b00 += a00; b01 += a01;
        b10 += a10; b11 += a11;
        b20 += a20; b21 += a21;
        b30 += a30; b31 += a31;
      }
      s00 += b00; s01 += b01;
      s10 += b10; s11 += b11;
      s20 += b20; s21 += b21;
      s30 += b30; s31 += b31;
    }
  }
  var bias0 = vec4f();
  var bias1 = vec4f();
  if (params.has_bias == 1u) { bias0 = bias[c0]; bias1 = bias[c1]; }
  store(p, c0, s00 + bias0, s01 + bias1);
  if (p + 1u <= last) { store(p + 1u, c0, s10 + bias0, s11 + bias1); }
  if (p + 2u <= last) { store(p + 2u, c0, s20 + bias0, s21 + bias1); }
  if (p + 3u <= last) { store(p + 3u, c0, s30 + bias0, s31 + bias1); }
}

fn store(pixel: u32, c0: u32, v0: vec4f, v1: vec4f) {
  y[pixel * params.co4 + c0] = v0;
  if (c0 + 1u < params.co4) { y[pixel * params.co4 + c0 + 1u] = v1; }
}
