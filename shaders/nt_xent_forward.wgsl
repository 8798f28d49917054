// NT-Xent per vector: losses[i] = log of the sum over j != i of exp(s[i,j] * sharpness), minus s[i,partner] * sharpness, where sharpness is
// 1 / temperature and partner the other view, i + m/2 modulo m. log_sums[i] is saved for backward. s [m,m]. One invocation: one vector.
const WG: u32 = 64u;

struct Params { m: u32, sharpness: f32 }

@group(0) @binding(0) var<storage, read> s: array<f32>;
@group(0) @binding(1) var<storage, read_write> losses: array<f32>;
@group(0) @binding(2) var<storage, read_write> log_sums: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let i = gid.x;
  if (i >= params.m) { return; }
  let row = i * params.m;
  let partner = (i + params.m / 2u) % params.m;
  var largest = s[row + partner];
  for (var j = 0u; j < params.m; j++) {
    if (j != i) { largest = max(largest, s[row + j]); }
  }
  var sum = 0.0;
  for (var j = 0u; j < params.m; j++) {
    if (j != i) { sum += exp((s[row + j] - largest) * params.sharpness); }
  }
  let log_sum = log(sum);
  losses[i] = log_sum + (largest - s[row + partner]) * params.sharpness;
  log_sums[i] = log_sum + largest * params.sharpness;
}
