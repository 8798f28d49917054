// Smallest (erosion) or largest (dilation) grey value in a disk of radius R about each pixel; pixels outside the image do not count.
// Opening is erosion, then dilation; on masks of 0 and 255 this is the binary opening. image, y: 4 u8 pixels per word.
// One invocation per word. Up to R = 4 a row of the disk lies within three words, which are loaded once.
const WG: u32 = 64u;
const R: i32 = 3;
const DILATE: bool = false;

struct Params { w: u32, h: u32, words: u32 }

@group(0) @binding(0) var<storage, read> image: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

fn half_width(dy: i32) -> i32 {
  return i32(sqrt(f32(R * R - dy * dy) + 0.5));
}

fn better(a: vec4u, b: vec4u) -> vec4u {
  if (DILATE) { return max(a, b); }
  return min(a, b);
}

// Four pixels; those outside never win.
fn load(row: i32, word: i32) -> vec4u {
  let outside = select(255u, 0u, DILATE);
  if (word < 0 || word >= i32(params.words)) { return vec4u(outside); }
  let v = (vec4u(image[u32(row) * params.words + u32(word)]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
  let left = i32(params.w) - word * 4;
  return select(v, vec4u(outside), vec4i(0, 1, 2, 3) >= vec4i(left));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.words * params.h) { return; }
  let row = i32(i / params.words);
  let word = i32(i % params.words);
  var best = vec4u(select(255u, 0u, DILATE));
  for (var dy = -R; dy <= R; dy++) {
    let at = row + dy;
    if (at < 0 || at >= i32(params.h)) { continue; }
    let half = half_width(dy);
    if (R <= 4) {
      let a = load(at, word - 1);
      let b = load(at, word);
      let c = load(at, word + 1);
      best = better(best, b);
      if (half >= 1) { best = better(best, better(vec4u(a.w, b.xyz), vec4u(b.yzw, c.x))); }
      if (half >= 2) { best = better(best, better(vec4u(a.zw, b.xy), vec4u(b.zw, c.xy))); }
      if (half >= 3) { best = better(best, better(vec4u(a.yzw, b.x), vec4u(b.w, c.xyz))); }
      if (half >= 4) { best = better(best, better(a, c)); }
    } else {
      for (var dx = -half; dx <= half; dx++) {
        let shift = word * 4 + dx;
        let k = ((shift % 4) + 4) % 4;
        let a = load(at, (shift - k) / 4);
        let b = load(at, (shift - k) / 4 + 1);
        var v = a;
        if (k == 1) { v = vec4u(a.yzw, b.x); }
        if (k == 2) { v = vec4u(a.zw, b.xy); }
        if (k == 3) { v = vec4u(a.w, b.xyz); }
        best = better(best, v);
      }
    }
  }
  let left = params.w - u32(word) * 4u;
  let kept = select(best, vec4u(0u), vec4u(0u, 1u, 2u, 3u) >= vec4u(left));
  y[i] = kept.x | (kept.y << 8u) | (kept.z << 16u) | (kept.w << 24u);
}
