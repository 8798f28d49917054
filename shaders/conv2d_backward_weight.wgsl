// Gradient of a 2-D convolution by its weight, as partial sums over a share of the output rows:
// partial[s,ky,kx,ci,co] = sum over rows (n,oy) of share s and over ox of x[n, oy*stride-pad+ky, ox*stride-pad+kx, ci] * dy[n,oy,ox,co].
// x [n,h,w,4*ci4], dy [n,oh,ow,4*co4], partial [splits,kh,kw,ci,4*co4]; reduce_partials sums the shares in fixed order.
// One invocation computes one tap x 8 input channels x 8 output channels of one share: 4 loads feed 64 multiply-adds.
const WG: u32 = 64u;

struct Params {
  n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32,
  share: u32, tiles: u32, splits: u32, run: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  if (item >= params.tiles * params.splits) { return; }
  let split = item / params.tiles;
  let tile = item % params.tiles;
  let co_blocks = (params.co4 + 1u) / 2u;
  let ci_blocks = (params.ci4 + 1u) / 2u;
  let o0 = (tile % co_blocks) * 2u;
  let o1 = min(o0 + 1u, params.co4 - 1u);
  let i0 = ((tile / co_blocks) % ci_blocks) * 2u;
  let i1 = min(i0 + 1u, params.ci4 - 1u);
  let t = tile / (co_blocks * ci_blocks);
  let ky = i32(t / params.kw);
  let kx = i32(t % params.kw);
  let stride = i32(params.stride);
  let shift = kx - i32(params.pad);
  // Output columns whose input column is inside the image: 0 <= ox*stride + shift < w.
  let ox_begin = u32(max(0, (stride - 1 - shift) / stride));
  let ox_end = u32(clamp((i32(params.w) - 1 - shift + stride) / stride, 0, i32(params.ow)));
  let row_end = min((split + 1u) * params.share, params.n * params.oh);
  // Totals s of sums a of `run` rows: short sums round less than one long one. Indices are constant, so that they stay scalars.
  var s = array<vec4f, 16>();
  var row = split * params.share;
  while (row < row_end) {
    var a = array<vec4f, 16>();
    let run_end = min(row + params.run, row_end);
    for (; row < run_end; row++) {
      let iy = i32(row % params.oh) * stride - i32(params.pad) + ky;
      if (iy < 0 || iy >= i32(params.h)) { continue; }
      let x_row = i32(((row / params.oh) * params.h + u32(iy)) * params.w) + shift;
      for (var ox = ox_begin; ox < ox_end; ox++) {
        let xi = u32(x_row + i32(ox) * stride) * params.ci4;
        let di = (row * params.ow + ox) * params.co4;
        let x0 = x[xi + i0];
        let x1 = x[xi + i1];
        let d0 = dy[di + o0];
        let d1 = dy[di + o1];
        a[0] += x0.x * d0;
        a[1] += x0.x * d1;
        a[2] += x0.y * d0;
        a[3] += x0.y * d1;
        a[4] += x0.z * d0;
        a[5] += x0.z * d1;
        a[6] += x0.w * d0;
        a[7] += x0.w * d1;
        a[8] += x1.x * d0;
        a[9] += x1.x * d1;
        a[10] += x1.y * d0;
        a[11] += x1.y * d1;
        a[12] += x1.z * d0;
        a[13] += x1.z * d1;
        a[14] += x1.w * d0;
        a[15] += x1.w * d1;
      }
    }
    for (var i = 0u; i < 16u; i++) { s[i] += a[i]; }
  }
  let base = ((split * params.kh * params.kw + t) * params.ci + i0 * 4u) * params.co4 + o0;
  // Spare rows (ci no multiple of 4) would be the next tap's.
  let rows = min(8u, params.ci - i0 * 4u);
  for (var i = 0u; i < 8u; i++) {
    if (i < rows) {
      partials[base + i * params.co4] = s[2u * i];
      if (o0 + 1u < params.co4) { partials[base + i * params.co4 + 1u] = s[2u * i + 1u]; }
    }
  }
}
