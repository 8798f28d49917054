// Rotation and flips about the patch centre: output pixel p takes the value at M (p - centre) + centre, M = views[2v+1] = (xx, xy, yx, yy)
// acting on (column, row); then (y - offset) * scale. The identity copies. x, y [v,size,size], size even.
// BILINEAR: bilinear between pixel centres, mirrored at the outer edges (grid_sample's "reflection" with align_corners=False);
// else nearest (ties to even) and 0 from outside (torchvision's rotate). One invocation: 4 consecutive pixels of one view.
const WG: u32 = 64u;
const BILINEAR: bool = true;

struct Params { count: u32, size: u32, offset: f32, scale: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> views: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn nearest(base: u32, at: vec2f) -> f32 {
  let p = round(at);
  if (any(p < vec2f(0.0)) || any(p >= vec2f(f32(params.size)))) { return 0.0; }
  return x[base + u32(p.y) * params.size + u32(p.x)];
}

fn bilinear(base: u32, at: vec2f) -> f32 {
  let side = f32(params.size);
  // Twice the side is the period of the mirrored image.
  let shifted = at + 0.5;
  let folded = shifted - 2.0 * side * floor(shifted / (2.0 * side));
  let inside = clamp(min(folded, 2.0 * side - folded) - 0.5, vec2f(0.0), vec2f(side - 1.0));
  let low = vec2u(inside);
  let high = min(low + 1u, vec2u(params.size - 1u));
  let part = inside - vec2f(low);
  let row = base + low.y * params.size;
  let below = base + high.y * params.size;
  let top = x[row + low.x] * (1.0 - part.x) + x[row + high.x] * part.x;
  let bottom = x[below + low.x] * (1.0 - part.x) + x[below + high.x] * part.x;
  return saturate(top * (1.0 - part.y) + bottom * part.y);
}

fn warped(base: u32, pixel: u32, m: vec4f) -> f32 {
  let centre = 0.5 * f32(params.size - 1u);
  let d = vec2f(f32(pixel % params.size), f32(pixel / params.size)) - centre;
  let at = vec2f(dot(m.xy, d), dot(m.zw, d)) + centre;
  if (BILINEAR) { return bilinear(base, at); }
  return nearest(base, at);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.count) { return; }
  let pixels = params.size * params.size;
  let view = 4u * i / pixels;
  let base = view * pixels;
  let pixel = 4u * i - base;
  let m = views[2u * view + 1u];
  var out = vec4f(x[4u * i], x[4u * i + 1u], x[4u * i + 2u], x[4u * i + 3u]);
  if (any(m != vec4f(1.0, 0.0, 0.0, 1.0))) {
    out = vec4f(warped(base, pixel, m), warped(base, pixel + 1u, m), warped(base, pixel + 2u, m), warped(base, pixel + 3u, m));
  }
  y[i] = (out - params.offset) * params.scale;
}
