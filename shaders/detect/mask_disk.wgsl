// Erosion or dilation (DILATE) of a mask by a disk of radius R, as rank_disk for grey values: every byte is 0 or 255, so that the smallest
// of several is their AND and the largest their OR, four pixels at a time. Pixels outside the image do not count.
// image, y: 4 u8 pixels per word. One invocation per word. Up to R = 4 a row of the disk lies within three words.
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

fn both(a: u32, b: u32) -> u32 {
  if (DILATE) { return a | b; }
  return a & b;
}

// Bytes of a word that lie outside the image.
fn spare(word: i32) -> u32 {
  let left = i32(params.w) - word * 4;
  if (word < 0 || left <= 0) { return 0xffffffffu; }
  return select(0u, 0xffffffffu << (u32(left) * 8u), left < 4);
}

// Four pixels; those outside never decide.
fn load(row: i32, word: i32) -> u32 {
  let inside = u32(clamp(word, 0, i32(params.words) - 1));
  let v = image[u32(row) * params.words + inside];
  let outside = spare(word);
  return select(v | outside, v & ~outside, DILATE);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.words * params.h) { return; }
  let row = i32(i / params.words);
  let word = i32(i % params.words);
  let nothing = select(0xffffffffu, 0u, DILATE);
  var best = nothing;
  for (var dy = -R; dy <= R; dy++) {
    let half = half_width(dy);
    let at = clamp(row + dy, 0, i32(params.h) - 1);
    var line = load(at, word);
    if (R <= 4) {
      let a = load(at, word - 1);
      let b = line;
      let c = load(at, word + 1);
      if (half >= 1) { line = both(line, both((b << 8u) | (a >> 24u), (b >> 8u) | (c << 24u))); }
      if (half >= 2) { line = both(line, both((b << 16u) | (a >> 16u), (b >> 16u) | (c << 16u))); }
      if (half >= 3) { line = both(line, both((b << 24u) | (a >> 8u), (b >> 24u) | (c << 8u))); }
      if (half >= 4) { line = both(line, both(a, c)); }
    } else {
      for (var dx = -half; dx <= half; dx++) {
        let k = u32(((dx % 4) + 4) % 4);
        let first = word + (dx - i32(k)) / 4;
        var v = load(at, first);
        if (k > 0u) { v = (v >> (8u * k)) | (load(at, first + 1) << (32u - 8u * k)); }
        line = both(line, v);
      }
    }
    best = both(best, select(line, nothing, at != row + dy));
  }
  y[i] = best & ~spare(word);
}
