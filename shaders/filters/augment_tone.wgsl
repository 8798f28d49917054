// Brightness and contrast in place, by torchvision's rules: brightness x -> clamp(x * b); contrast x -> clamp(x * c + (1 - c) * mean),
// with the mean of the view as it stands then; b = 1 and c = 1 change nothing. x [v,words] as vec4, values in 0..1.
// views[2v].xy = (b, c) of view v. One workgroup: one view; its mean is a tree over WG strided sums, always in the same order.
const WG: u32 = 64u;

struct Params { n: u32, words: u32, brightness_first: u32 }

@group(0) @binding(0) var<storage, read> views: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<vec4f, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let v = wid.y * nwg.x + wid.x;
  // A folded grid may have a workgroup too many.
  if (v >= params.n) { return; }
  let brightness = views[2u * v].x;
  let contrast = views[2u * v].y;
  if (brightness == 1.0 && contrast == 1.0) { return; }
  let before = select(1.0, brightness, params.brightness_first != 0u);
  let after = select(brightness, 1.0, params.brightness_first != 0u);
  let base = v * params.words;

  var sum = vec4f();
  for (var i = lid; i < params.words; i += WG) { sum += saturate(x[base + i] * before); }
  sums[lid] = sum;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (lid < half) { sums[lid] += sums[lid + half]; }
    workgroupBarrier();
  }
  let mean = dot(sums[0], vec4f(1.0)) / f32(4u * params.words);

  for (var i = lid; i < params.words; i += WG) {
    let bright = saturate(x[base + i] * before);
    x[base + i] = saturate(saturate(bright * contrast + (1.0 - contrast) * mean) * after);
  }
}
