enable subgroups;

// Gradient of a 2-D convolution by its weight, as partial sums over a share of the output pixels (n,oy,ox):
// partial[s,ky,kx,ci,co] = sum over the pixels of share s of x[n, oy*stride-pad+ky, ox*stride-pad+kx, ci] * dy[n,oy,ox,co].
// x [n,h,w,4*ci4], dy [n,oh,ow,4*co4], partial [splits,kh,kw,ci,4*co4]; reduce_partials sums the shares in fixed order.
// A subgroup computes 4*G output channels x 8 columns; a column is 4 input channels of one tap. A lane owns one column: it loads
// its own x, zero outside the image, and a part of dy, which the others get by subgroupBroadcast (subgroups of 8 lanes or more).
const G: u32 = 8u;
// Pairs of pixels in a short sum: what is added up one by one rounds more the longer it is.
const RUN: u32 = 16u;

struct Params {
  n: u32, h: u32, w: u32, ci: u32, ci4: u32, oh: u32, ow: u32, co4: u32, kh: u32, kw: u32, stride: u32, pad: u32,
  share: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn pick(second: bool, d0: vec4f, d1: vec4f) -> vec4f {
  if (second) { return d1; }
  return d0;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let o0 = wid.x * G;
  let column = wid.y * 8u + lane;
  let split = wid.z;
  let t = column / params.ci4;
  let c = column % params.ci4;
  let ky = i32(t / params.kw) - i32(params.pad);
  let kx = i32(t % params.kw) - i32(params.pad);
  let pixels = params.n * params.oh * params.ow;
  let begin = split * params.share;
  let end = min(begin + params.share, pixels);
  // The place of pixel p in x: its row, its column, and the index of this lane's vec4 there.
  let stride = i32(params.stride);
  let pitch = i32(params.ci4);
  let width = i32(params.w) * pitch;
  let y_end = i32(params.oh) * stride;
  let x_end = i32(params.ow) * stride;
  var py = i32((begin / params.ow) % params.oh) * stride;
  var px = i32(begin % params.ow) * stride;
  var index = (i32(begin / (params.ow * params.oh) * params.h) + py + ky) * width + (px + kx) * pitch + i32(c);
  let next_row = stride * width - x_end * pitch;
  let next_image = (i32(params.h) - y_end) * width;
  // The vec4 of dy that this lane loads: number lane, and lane + 8, of two pixels x G.
  let top = (pixels - 1u) * params.co4;
  let j0 = lane / G;
  let j1 = (lane + 8u) / G;
  let d_own0 = min(o0 + lane % G, params.co4 - 1u);
  let d_own1 = min(o0 + (lane + 8u) % G, params.co4 - 1u);
  // Totals s of short sums a, by output channel; indices are constant, so that they stay scalars.
  var s = array<vec4f, 32>();
  var p = begin;
  while (p < end) {
    var a = array<vec4f, 32>();
    let run_end = min(p + 2u * RUN, end);
    while (p < run_end) {
      let in0 = u32(py + ky) < params.h && u32(px + kx) < params.w;
      let x0 = select(vec4f(), x[select(0u, u32(index), in0)], in0);
      px += stride;
      index += stride * pitch;
      if (px == x_end) {
        px = 0;
        py += stride;
        index += next_row;
        if (py == y_end) { py = 0; index += next_image; }
      }
      let in1 = p + 1u < end && u32(py + ky) < params.h && u32(px + kx) < params.w;
      let x1 = select(vec4f(), x[select(0u, u32(index), in1)], in1);
      px += stride;
      index += stride * pitch;
      if (px == x_end) {
        px = 0;
        py += stride;
        index += next_row;
        if (py == y_end) { py = 0; index += next_image; }
      }
      let d0 = dy[min((p + j0) * params.co4, top) + d_own0];
      var d1 = vec4f();
      if (G > 4u) { d1 = dy[min((p + j1) * params.co4, top) + d_own1]; }
      {
        let b0 = subgroupBroadcast(d0, 0u);
        let b1 = subgroupBroadcast(pick(G + 0u >= 8u, d0, d1), (G + 0u) % 8u);
        a[0] += b0.x * x0 + b1.x * x1;
        a[1] += b0.y * x0 + b1.y * x1;
        a[2] += b0.z * x0 + b1.z * x1;
        a[3] += b0.w * x0 + b1.w * x1;
      }
      if (G > 1u) {
        let b0 = subgroupBroadcast(d0, 1u);
        let b1 = subgroupBroadcast(pick(G + 1u >= 8u, d0, d1), (G + 1u) % 8u);
        a[4] += b0.x * x0 + b1.x * x1;
        a[5] += b0.y * x0 + b1.y * x1;
        a[6] += b0.z * x0 + b1.z * x1;
        a[7] += b0.w * x0 + b1.w * x1;
      }
      if (G > 2u) {
        let b0 = subgroupBroadcast(d0, 2u);
        let b1 = subgroupBroadcast(pick(G + 2u >= 8u, d0, d1), (G + 2u) % 8u);
        a[8] += b0.x * x0 + b1.x * x1;
        a[9] += b0.y * x0 + b1.y * x1;
        a[10] += b0.z * x0 + b1.z * x1;
        a[11] += b0.w * x0 + b1.w * x1;
      }
      if (G > 3u) {
        let b0 = subgroupBroadcast(d0, 3u);
        let b1 = subgroupBroadcast(pick(G + 3u >= 8u, d0, d1), (G + 3u) % 8u);
        a[12] += b0.x * x0 + b1.x * x1;
        a[13] += b0.y * x0 + b1.y * x1;
        a[14] += b0.z * x0 + b1.z * x1;
        a[15] += b0.w * x0 + b1.w * x1;
      }
      if (G > 4u) {
        let b0 = subgroupBroadcast(d0, 4u);
        let b1 = subgroupBroadcast(pick(G + 4u >= 8u, d0, d1), (G + 4u) % 8u);
        a[16] += b0.x * x0 + b1.x * x1;
        a[17] += b0.y * x0 + b1.y * x1;
        a[18] += b0.z * x0 + b1.z * x1;
        a[19] += b0.w * x0 + b1.w * x1;
      }
      if (G > 5u) {
        let b0 = subgroupBroadcast(d0, 5u);
        let b1 = subgroupBroadcast(pick(G + 5u >= 8u, d0, d1), (G + 5u) % 8u);
        a[20] += b0.x * x0 + b1.x * x1;
        a[21] += b0.y * x0 + b1.y * x1;
        a[22] += b0.z * x0 + b1.z * x1;
        a[23] += b0.w * x0 + b1.w * x1;
      }
      if (G > 6u) {
        let b0 = subgroupBroadcast(d0, 6u);
        let b1 = subgroupBroadcast(pick(G + 6u >= 8u, d0, d1), (G + 6u) % 8u);
        a[24] += b0.x * x0 + b1.x * x1;
        a[25] += b0.y * x0 + b1.y * x1;
        a[26] += b0.z * x0 + b1.z * x1;
        a[27] += b0.w * x0 + b1.w * x1;
      }
      if (G > 7u) {
        let b0 = subgroupBroadcast(d0, 7u);
        let b1 = subgroupBroadcast(pick(G + 7u >= 8u, d0, d1), (G + 7u) % 8u);
        a[28] += b0.x * x0 + b1.x * x1;
        a[29] += b0.y * x0 + b1.y * x1;
        a[30] += b0.z * x0 + b1.z * x1;
        a[31] += b0.w * x0 + b1.w * x1;
      }
      p += 2u;
    }
    for (var i = 0u; i < 4u * G; i++) { s[i] += a[i]; }
  }
  if (t >= params.kh * params.kw) { return; }
  // Spare rows (ci no multiple of 4) would be the next tap's.
  let rows = min(4u, params.ci - 4u * c);
  for (var g = 0u; g < G; g++) {
    if (o0 + g < params.co4) {
      let i = (split * params.kh * params.kw + t) * params.ci + 4u * c;
      store(i, rows, o0 + g, s[4u * g], s[4u * g + 1u], s[4u * g + 2u], s[4u * g + 3u]);
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
