// Gradient of a convolution by its one-channel input:
// dx[n,iy,ix] = sum over ky,kx,co of dy[n, (iy+pad-ky)/stride, (ix+pad-kx)/stride, co] * weight[ky,kx,co], where the division is exact and inside.
// dy [n,oh,ow,4*co4], weight [kh,kw,4*co4], dx [n,h,w] (one float a pixel). One invocation computes one input pixel.
const WG: u32 = 64u;

struct Params { n: u32, h: u32, w: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let p = (wid.y * nwg.x + wid.x) * WG + lid;
  if (p >= params.n * params.h * params.w) { return; }
  let ix = i32(p % params.w + params.pad);
  let iy = i32((p / params.w) % params.h + params.pad);
  let n = p / (params.w * params.h);
  let s = i32(params.stride);
  var sum = 0.0;
  for (var ky = 0; ky < i32(params.kh); ky++) {
    let ty = iy - ky;
    let oy = ty / s;
    if (ty < 0 || oy * s != ty || oy >= i32(params.oh)) { continue; }
    for (var kx = 0; kx < i32(params.kw); kx++) {
      let tx = ix - kx;
      let ox = tx / s;
      if (tx < 0 || ox * s != tx || ox >= i32(params.ow)) { continue; }
      let d = ((n * params.oh + u32(oy)) * params.ow + u32(ox)) * params.co4;
      let r = u32(ky * i32(params.kw) + kx) * params.co4;
      for (var k = 0u; k < params.co4; k++) { sum += dot(dy[d + k], weight[r + k]); }
    }
  }
  dx[p] = sum;
}
