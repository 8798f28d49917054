// Gradient of a convolution of a one-channel image by its weight, as partial sums over a share of the output rows:
// partial[s,ky,kx,co] = sum over rows (n,oy) of share s and over ox of x[n, oy*stride-pad+ky, ox*stride-pad+kx] * dy[n,oy,ox,co].
// x [n,h,w] (one float a pixel), dy [n,oh,ow,4*co4], partial [splits,kh,kw,4*co4]; reduce_partials sums the shares in fixed order.
// One invocation computes one row of taps (ky fixed, up to 3 values of kx) x 4 output channels of one share.
const WG: u32 = 64u;

struct Params {
  n: u32, h: u32, w: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32,
  splits: u32, rows_per_split: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn column(row: u32, ix: i32) -> f32 {
  let inside = ix >= 0 && ix < i32(params.w);
  return select(0.0, x[row * params.w + u32(clamp(ix, 0, i32(params.w) - 1))], inside);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let groups = (params.kw + 2u) / 3u;
  let tiles = params.co4 * groups * params.kh;
  if (item >= tiles * params.splits) { return; }
  let split = item / tiles;
  let tile = item % tiles;
  let co = tile % params.co4;
  let kx = ((tile / params.co4) % groups) * 3u;
  let ky = tile / (params.co4 * groups);
  let row_end = min((split + 1u) * params.rows_per_split, params.n * params.oh);
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f();
  for (var row = split * params.rows_per_split; row < row_end; row++) {
    let iy = i32((row % params.oh) * params.stride + ky) - i32(params.pad);
    if (iy < 0 || iy >= i32(params.h)) { continue; }
    let x_row = (row / params.oh) * params.h + u32(iy);
    for (var ox = 0u; ox < params.ow; ox++) {
      let d = dy[(row * params.ow + ox) * params.co4 + co];
      let ix = i32(ox * params.stride + kx) - i32(params.pad);
      a0 += column(x_row, ix) * d;
      a1 += column(x_row, ix + 1) * d;
      a2 += column(x_row, ix + 2) * d;
    }
  }
  let base = ((split * params.kh + ky) * params.kw + kx) * params.co4 + co;
  partials[base] = a0;
  if (kx + 1u < params.kw) { partials[base + params.co4] = a1; }
  if (kx + 2u < params.kw) { partials[base + 2u * params.co4] = a2; }
}
