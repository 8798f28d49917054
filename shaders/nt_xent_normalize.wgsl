// Directions of vectors for NT-Xent: u[i,:] = z[i,:] / |z[i,:]|, inverse[i] = 1 / |z[i,:]|. A vector no longer than EPS has no direction:
// u is 0 there, inverse too, so that no gradient flows to it. z and u [m,pitch]; padding of z is 0. One invocation: one vector.
const WG: u32 = 64u;
const EPS: f32 = 1e-8;

struct Params { m: u32, c4: u32 }

@group(0) @binding(0) var<storage, read> z: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> inverse: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let i = gid.x;
  if (i >= params.m) { return; }
  let row = i * params.c4;
  // The largest magnitude first: squares of large values stay finite.
  var peak = vec4f();
  for (var c = 0u; c < params.c4; c++) { peak = max(peak, abs(z[row + c])); }
  let scale = max(max(peak.x, peak.y), max(peak.z, peak.w));
  var squares = vec4f();
  if (scale > 0.0) {
    for (var c = 0u; c < params.c4; c++) {
      let v = z[row + c] / scale;
      squares += v * v;
    }
  }
  let length = scale * sqrt((squares.x + squares.y) + (squares.z + squares.w));
  // NaN is not at most EPS, and stays NaN.
  let own = select(1.0 / length, 0.0, length <= EPS);
  for (var c = 0u; c < params.c4; c++) { u[row + c] = z[row + c] * own; }
  inverse[i] = own;
}
