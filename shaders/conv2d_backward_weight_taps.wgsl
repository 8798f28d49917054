enable subgroups;

// Gradient of a convolution three columns wide (kw = 3, stride 1 or 2) by its weight, as partial sums over a share of the output rows:
// partial[s,ky,kx,ci,co] = sum over the rows (n,oy) of share s and over ox of x[n, oy*stride-pad+ky, ox*stride-pad+kx, ci] * dy[n,oy,ox,co].
// x [n,h,w,4*ci4], dy [n,oh,ow,4*co4], partial [splits,kh,3,ci,4*co4]; reduce_partials sums the shares in fixed order.
// A subgroup computes 4*G output channels x 8 columns x 3 taps; a column is 4 input channels of one ky. A lane owns one column: x slides
// through its registers, so that one load serves three taps; dy is shared by subgroupBroadcast (subgroups of 8 lanes or more).
const G: u32 = 2u;
const STRIDE: u32 = 1u;

struct Params {
  n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32,
  share: u32, run: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// x at a column of this lane's row, zero outside the image.
fn at(row: i32, column: i32, row_inside: bool) -> vec4f {
  let inside = row_inside && u32(column) < params.w;
  return select(vec4f(), x[select(0u, u32(row + column * i32(params.ci4)), inside)], inside);
}

fn pick(second: bool, d0: vec4f, d1: vec4f) -> vec4f {
  if (second) { return d1; }
  return d0;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let o0 = wid.x * G;
  let column = wid.y * 8u + lane;
  let split = wid.z;
  let ky = column / params.ci4;
  let c = column % params.ci4;
  let all_rows = params.n * params.oh;
  let row_end = min((split + 1u) * params.share, all_rows);
  // The vec4 of dy that this lane loads: number lane, and lane + 8, of two pixels x G.
  let top = (all_rows * params.ow - 1u) * params.co4;
  let j0 = lane / G;
  let j1 = (lane + 8u) / G;
  let d_own0 = min(o0 + lane % G, params.co4 - 1u);
  let d_own1 = min(o0 + (lane + 8u) % G, params.co4 - 1u);
  // Totals s of sums a of `run` rows, by output channel and kx; indices are constant, so that they stay scalars.
  var s = array<vec4f, 72>();
  var row = split * params.share;
  while (row < row_end) {
    var a = array<vec4f, 72>();
    let run_end = min(row + params.run, row_end);
    while (row < run_end) {
      let iy = row % params.oh * STRIDE + ky - params.pad;
      let inside = iy < params.h;
      let x_row = i32((row / params.oh * params.h + iy) * params.w * params.ci4 + c);
      var ix = -i32(params.pad);
      var x0 = at(x_row, ix, inside);
      var x1 = vec4f();
      if (STRIDE == 1u) { ix++; x1 = at(x_row, ix, inside); }
      var p = row * params.ow;
      let p_end = p + params.ow;
      while (p < p_end) {
        // Two pixels: their taps are u0 u1 u2 and v0 v1 v2.
        let n1 = at(x_row, ix + 1, inside);
        let n2 = at(x_row, ix + 2, inside);
        let u0 = x0;
        var u1 = x1; var u2 = n1; var v0 = x1; var v1 = n1; var v2 = n2;
        if (STRIDE == 2u) {
          u1 = n1; u2 = n2; v0 = n2;
          v1 = at(x_row, ix + 3, inside);
          v2 = at(x_row, ix + 4, inside);
        }
        let d0 = select(vec4f(), dy[min((p + j0) * params.co4, top) + d_own0], p + j0 < p_end);
        var d1 = vec4f();
        if (G > 4u) { d1 = select(vec4f(), dy[min((p + j1) * params.co4, top) + d_own1], p + j1 < p_end); }
        {
          let b0 = subgroupBroadcast(d0, 0u);
          let b1 = subgroupBroadcast(pick(G + 0u >= 8u, d0, d1), (G + 0u) % 8u);
          a[0] += b0.x * u0 + b1.x * v0;
          a[1] += b0.x * u1 + b1.x * v1;
          a[2] += b0.x * u2 + b1.x * v2;
          a[3] += b0.y * u0 + b1.y * v0;
          a[4] += b0.y * u1 + b1.y * v1;
          a[5] += b0.y * u2 + b1.y * v2;
          a[6] += b0.z * u0 + b1.z * v0;
          a[7] += b0.z * u1 + b1.z * v1;
          a[8] += b0.z * u2 + b1.z * v2;
          a[9] += b0.w * u0 + b1.w * v0;
          a[10] += b0.w * u1 + b1.w * v1;
          a[11] += b0.w * u2 + b1.w * v2;
        }
        if (G > 1u) {
          let b0 = subgroupBroadcast(d0, 1u);
          let b1 = subgroupBroadcast(pick(G + 1u >= 8u, d0, d1), (G + 1u) % 8u);
          a[12] += b0.x * u0 + b1.x * v0;
          a[13] += b0.x * u1 + b1.x * v1;
          a[14] += b0.x * u2 + b1.x * v2;
          a[15] += b0.y * u0 + b1.y * v0;
          a[16] += b0.y * u1 + b1.y * v1;
          a[17] += b0.y * u2 + b1.y * v2;
          a[18] += b0.z * u0 + b1.z * v0;
          a[19] += b0.z * u1 + b1.z * v1;
          a[20] += b0.z * u2 + b1.z * v2;
          a[21] += b0.w * u0 + b1.w * v0;
          a[22] += b0.w * u1 + b1.w * v1;
          a[23] += b0.w * u2 + b1.w * v2;
        }
        if (G > 2u) {
          let b0 = subgroupBroadcast(d0, 2u);
          let b1 = subgroupBroadcast(pick(G + 2u >= 8u, d0, d1), (G + 2u) % 8u);
          a[24] += b0.x * u0 + b1.x * v0;
          a[25] += b0.x * u1 + b1.x * v1;
          a[26] += b0.x * u2 + b1.x * v2;
          a[27] += b0.y * u0 + b1.y * v0;
          a[28] += b0.y * u1 + b1.y * v1;
          a[29] += b0.y * u2 + b1.y * v2;
          a[30] += b0.z * u0 + b1.z * v0;
          a[31] += b0.z * u1 + b1.z * v1;
          a[32] += b0.z * u2 + b1.z * v2;
          a[33] += b0.w * u0 + b1.w * v0;
          a[34] += b0.w * u1 + b1.w * v1;
          a[35] += b0.w * u2 + b1.w * v2;
        }
        if (G > 3u) {
          let b0 = subgroupBroadcast(d0, 3u);
          let b1 = subgroupBroadcast(pick(G + 3u >= 8u, d0, d1), (G + 3u) % 8u);
          a[36] += b0.x * u0 + b1.x * v0;
          a[37] += b0.x * u1 + b1.x * v1;
          a[38] += b0.x * u2 + b1.x * v2;
          a[39] += b0.y * u0 + b1.y * v0;
          a[40] += b0.y * u1 + b1.y * v1;
          a[41] += b0.y * u2 + b1.y * v2;
          a[42] += b0.z * u0 + b1.z * v0;
          a[43] += b0.z * u1 + b1.z * v1;
          a[44] += b0.z * u2 + b1.z * v2;
          a[45] += b0.w * u0 + b1.w * v0;
          a[46] += b0.w * u1 + b1.w * v1;
          a[47] += b0.w * u2 + b1.w * v2;
        }
        if (G > 4u) {
          let b0 = subgroupBroadcast(d0, 4u);
          let b1 = subgroupBroadcast(pick(G + 4u >= 8u, d0, d1), (G + 4u) % 8u);
          a[48] += b0.x * u0 + b1.x * v0;
          a[49] += b0.x * u1 + b1.x * v1;
          a[50] += b0.x * u2 + b1.x * v2;
          a[51] += b0.y * u0 + b1.y * v0;
          a[52] += b0.y * u1 + b1.y * v1;
          a[53] += b0.y * u2 + b1.y * v2;
          a[54] += b0.z * u0 + b1.z * v0;
          a[55] += b0.z * u1 + b1.z * v1;
          a[56] += b0.z * u2 + b1.z * v2;
          a[57] += b0.w * u0 + b1.w * v0;
          a[58] += b0.w * u1 + b1.w * v1;
          a[59] += b0.w * u2 + b1.w * v2;
        }
        if (G > 5u) {
          let b0 = subgroupBroadcast(d0, 5u);
          let b1 = subgroupBroadcast(pick(G + 5u >= 8u, d0, d1), (G + 5u) % 8u);
          a[60] += b0.x * u0 + b1.x * v0;
          a[61] += b0.x * u1 + b1.x * v1;
          a[62] += b0.x * u2 + b1.x * v2;
          a[63] += b0.y * u0 + b1.y * v0;
          a[64] += b0.y * u1 + b1.y * v1;
          a[65] += b0.y * u2 + b1.y * v2;
          a[66] += b0.z * u0 + b1.z * v0;
          a[67] += b0.z * u1 + b1.z * v1;
          a[68] += b0.z * u2 + b1.z * v2;
          a[69] += b0.w * u0 + b1.w * v0;
          a[70] += b0.w * u1 + b1.w * v1;
          a[71] += b0.w * u2 + b1.w * v2;
        }
        if (STRIDE == 1u) { x0 = n1; x1 = n2; } else { x0 = v2; }
        ix += 2 * i32(STRIDE);
        p += 2u;
      }
      row++;
    }
    for (var i = 0u; i < 12u * G; i++) { s[i] += a[i]; }
  }
  if (ky >= params.kh) { return; }
  // Spare rows (ci no multiple of 4) would be the next tap's.
  let rows = min(4u, params.ci - 4u * c);
  for (var g = 0u; g < G; g++) {
    for (var kx = 0u; kx < 3u; kx++) {
      if (o0 + g < params.co4) {
        let i = ((split * params.kh + ky) * 3u + kx) * params.ci + 4u * c;
        let k = 12u * g + kx;
        store(i, rows, o0 + g, s[k], s[k + 3u], s[k + 6u], s[k + 9u]);
      }
    }
  }
}

// Four output channels of four input channels, turned.
fn store(row: u32, rows: u32, o: u32, v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f) {
  let i = row * params.co4 + o;
  partials[i] = vec4f(v0.x, v1.x, v2.x, v3.x);
  if (rows > 1u) { partials[i + params.co4] = vec4f(v0.y, v1.y, v2.y, v3.y); }
  if (rows > 2u) { partials[i + 2u * params.co4] = vec4f(v0.z, v1.z, v2.z, v3.z); }
  if (rows > 3u) { partials[i + 3u * params.co4] = vec4f(v0.w, v1.w, v2.w, v3.w); }
}
