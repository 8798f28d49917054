// Gaussian blur 3x3, separable taps (side, centre, side) per view, borders reflected without repeating the edge pixel (torchvision's
// gaussian_blur); then (y - offset) * scale. side = 0 copies. x, y [v,size,size], size even, at least 2. views[2v].zw = (centre, side).
// One invocation: 4 consecutive pixels (size * size is a multiple of 4, so they are of one view, but maybe of two rows).
const WG: u32 = 64u;

struct Params { count: u32, size: u32, offset: f32, scale: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> views: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// Rows (columns) at - 1, at, at + 1, reflected.
fn neighbours(at: u32) -> vec3u {
  return vec3u(select(at - 1u, 1u, at == 0u), at, select(at + 1u, at - 1u, at + 1u == params.size));
}

fn row_sum(row: u32, columns: vec3u, taps: vec2f) -> f32 {
  return taps.x * x[row + columns.y] + taps.y * (x[row + columns.x] + x[row + columns.z]);
}

fn blurred(view: u32, pixel: u32, taps: vec2f) -> f32 {
  let rows = view * params.size * params.size + neighbours(pixel / params.size) * params.size;
  let columns = neighbours(pixel % params.size);
  let sides = row_sum(rows.x, columns, taps) + row_sum(rows.z, columns, taps);
  return saturate(taps.x * row_sum(rows.y, columns, taps) + taps.y * sides);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.count) { return; }
  let words = params.size * params.size / 4u;
  let view = i / words;
  let pixel = 4u * (i % words);
  let taps = views[2u * view].zw;
  var out = vec4f(x[4u * i], x[4u * i + 1u], x[4u * i + 2u], x[4u * i + 3u]);
  if (taps.y != 0.0) {
    out = vec4f(blurred(view, pixel, taps), blurred(view, pixel + 1u, taps), blurred(view, pixel + 2u, taps), blurred(view, pixel + 3u, taps));
  }
  y[i] = (out - params.offset) * params.scale;
}
