// Flattens an image in torch's order where pixels % 4 == 0: vector[n, c*pixels + p] = image[n,p,c], or back if BACKWARD. A 4 x 4 square of pixels
// and channels is turned in registers, so that both sides move whole vec4.
// image [n,pixels,4*c4], vector [n,4*vector4]. One invocation: 4 channels of up to STEPS consecutive quads of pixels; an image has `runs` such shares.
const WG: u32 = 64u;
const STEPS: u32 = 16u;
const BACKWARD: bool = false;

struct Params { n: u32, pixels: u32, channels: u32, c4: u32, vector4: u32, runs: u32 }

@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let c4 = params.c4;
  let c = item % c4;
  let rest = item / c4;
  let n = rest / params.runs;
  if (n >= params.n) { return; }
  let quads = params.pixels / 4u;
  let begin = (rest % params.runs) * STEPS;
  let end = min(begin + STEPS, quads);
  let row = n * params.vector4 + 4u * c * quads;
  let left = params.channels - 4u * c;
  for (var q = begin; q < end; q++) {
    let i = (n * params.pixels + 4u * q) * c4 + c;
    let j = row + q;
    if (BACKWARD) {
      let a = source[j];
      var b = vec4f();
      var d = vec4f();
      var e = vec4f();
      if (left > 1u) { b = source[j + quads]; }
      if (left > 2u) { d = source[j + 2u * quads]; }
      if (left > 3u) { e = source[j + 3u * quads]; }
      target_[i] = vec4f(a.x, b.x, d.x, e.x);
      target_[i + c4] = vec4f(a.y, b.y, d.y, e.y);
      target_[i + 2u * c4] = vec4f(a.z, b.z, d.z, e.z);
      target_[i + 3u * c4] = vec4f(a.w, b.w, d.w, e.w);
    } else {
      let a = source[i];
      let b = source[i + c4];
      let d = source[i + 2u * c4];
      let e = source[i + 3u * c4];
      target_[j] = vec4f(a.x, b.x, d.x, e.x);
      if (left > 1u) { target_[j + quads] = vec4f(a.y, b.y, d.y, e.y); }
      if (left > 2u) { target_[j + 2u * quads] = vec4f(a.z, b.z, d.z, e.z); }
      if (left > 3u) { target_[j + 3u * quads] = vec4f(a.w, b.w, d.w, e.w); }
    }
  }
}
