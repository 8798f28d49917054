// out[0] = weight[0] * scale * sum of values[0..n), in order: a scalar from per-sample values. One invocation does it all, n is a batch.
const WG: u32 = 1u;

struct Params { n: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main() {
  var sum = 0.0;
  for (var i = 0u; i < params.n; i++) { sum += values[i]; }
  out[0] = sum * params.scale * weight[0];
}
