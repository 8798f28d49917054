// Gradient of a 3x3 convolution of a one-channel image (a border of one zero, stride 1 or 2) by its weight, as partial sums over rows:
// partial[s,ky,kx,co] = sum over rows (n,oy) of share s and over ox of x[n, oy*stride-1+ky, ox*stride-1+kx] * dy[n,oy,ox,co].
// x [n,h,w] (one float a pixel, w a multiple of 4), dy [n,oh,ow,4*co4], partial [splits,3,3,4*co4]; reduce_partials sums the shares.
// One invocation computes all nine taps x 4 output channels of one share, four pixels a step.
const WG: u32 = 64u;
const STRIDE: u32 = 1u;

struct Params {
  n: u32, h: u32, w: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32,
  splits: u32, share: u32, run: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// Four pixels of row iy of image n from column ix on, zero outside the image.
fn quad(row: u32, ix: u32, inside: bool) -> vec4f {
  let filled = inside && ix < params.w;
  return select(vec4f(), x[select(0u, (row * params.w + ix) / 4u, filled)], filled);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  if (item >= params.co4 * params.splits) { return; }
  let c = item % params.co4;
  let split = item / params.co4;
  let row_end = min((split + 1u) * params.share, params.n * params.oh);
  // Totals s of sums a of `run` rows: short sums round less than one long one. Indices are constant, so that they stay scalars.
  var s = array<vec4f, 9>();
  var row = split * params.share;
  while (row < row_end) {
    var a = array<vec4f, 9>();
    let run_end = min(row + params.run, row_end);
    while (row < run_end) {
      // The three rows of x, counted through all images; the first and the last may be outside this one.
      let iy = row % params.oh * STRIDE;
      let middle = row / params.oh * params.h + iy;
      let in0 = iy > 0u;
      let in2 = iy + 1u < params.h;
      // Left neighbours, four columns, and the four after them.
      var l0 = 0.0; var l1 = 0.0; var l2 = 0.0;
      var c0 = quad(middle - 1u, 0u, in0);
      var c1 = quad(middle, 0u, true);
      var c2 = quad(middle + 1u, 0u, in2);
      var ix = 0u;
      var ox = 0u;
      var i = row * params.ow * params.co4 + c;
      while (ox < params.ow) {
        let n0 = quad(middle - 1u, ix + 4u, in0);
        let n1 = quad(middle, ix + 4u, true);
        let n2 = quad(middle + 1u, ix + 4u, in2);
        let d0 = dy[i];
        var d1: vec4f; var d2: vec4f; var d3: vec4f;
        if (STRIDE == 1u) {
          d1 = dy[i + params.co4];
          d2 = dy[i + 2u * params.co4];
          d3 = dy[i + 3u * params.co4];
          a[0] += l0 * d0 + c0.x * d1 + c0.y * d2 + c0.z * d3;
          a[1] += c0.x * d0 + c0.y * d1 + c0.z * d2 + c0.w * d3;
          a[2] += c0.y * d0 + c0.z * d1 + c0.w * d2 + n0.x * d3;
          a[3] += l1 * d0 + c1.x * d1 + c1.y * d2 + c1.z * d3;
          a[4] += c1.x * d0 + c1.y * d1 + c1.z * d2 + c1.w * d3;
          a[5] += c1.y * d0 + c1.z * d1 + c1.w * d2 + n1.x * d3;
          a[6] += l2 * d0 + c2.x * d1 + c2.y * d2 + c2.z * d3;
          a[7] += c2.x * d0 + c2.y * d1 + c2.z * d2 + c2.w * d3;
          a[8] += c2.y * d0 + c2.z * d1 + c2.w * d2 + n2.x * d3;
          l0 = c0.w; l1 = c1.w; l2 = c2.w;
          c0 = n0; c1 = n1; c2 = n2;
        } else {
          d1 = select(vec4f(), dy[select(i, i + params.co4, ox + 1u < params.ow)], ox + 1u < params.ow);
          d2 = select(vec4f(), dy[select(i, i + 2u * params.co4, ox + 2u < params.ow)], ox + 2u < params.ow);
          d3 = select(vec4f(), dy[select(i, i + 3u * params.co4, ox + 3u < params.ow)], ox + 3u < params.ow);
          a[0] += l0 * d0 + c0.y * d1 + c0.w * d2 + n0.y * d3;
          a[1] += c0.x * d0 + c0.z * d1 + n0.x * d2 + n0.z * d3;
          a[2] += c0.y * d0 + c0.w * d1 + n0.y * d2 + n0.w * d3;
          a[3] += l1 * d0 + c1.y * d1 + c1.w * d2 + n1.y * d3;
          a[4] += c1.x * d0 + c1.z * d1 + n1.x * d2 + n1.z * d3;
          a[5] += c1.y * d0 + c1.w * d1 + n1.y * d2 + n1.w * d3;
          a[6] += l2 * d0 + c2.y * d1 + c2.w * d2 + n2.y * d3;
          a[7] += c2.x * d0 + c2.z * d1 + n2.x * d2 + n2.z * d3;
          a[8] += c2.y * d0 + c2.w * d1 + n2.y * d2 + n2.w * d3;
          l0 = n0.w; l1 = n1.w; l2 = n2.w;
          c0 = quad(middle - 1u, ix + 8u, in0);
          c1 = quad(middle, ix + 8u, true);
          c2 = quad(middle + 1u, ix + 8u, in2);
        }
        ix += 4u * STRIDE;
        ox += 4u;
        i += 4u * params.co4;
      }
      row++;
    }
    for (var k = 0u; k < 9u; k++) { s[k] += a[k]; }
  }
  for (var k = 0u; k < 9u; k++) { partials[(split * 9u + k) * params.co4 + c] = s[k]; }
}
