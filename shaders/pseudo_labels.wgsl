// Pseudo-labels of logits [n,pitch]: soft[n] = softmax(logits/temperature), label[n] = the first largest class, mask[n] = 1 where its
// probability is at least the threshold, else 0. Without gradient. soft [n,pitch], label and mask [vector_pitch], zeros in the padding. One invocation: one sample.
const WG: u32 = 64u;

struct Params { n: u32, vector_pitch: u32, classes: u32, pitch: u32, temperature: f32, threshold: f32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> soft: array<f32>;
@group(0) @binding(2) var<storage, read_write> label: array<u32>;
@group(0) @binding(3) var<storage, read_write> mask: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let n = gid.x;
  if (n >= params.n) {
    // The padding of the vectors.
    if (n < params.vector_pitch) {
      label[n] = 0u;
      mask[n] = 0.0;
    }
    return;
  }
  let row = n * params.pitch;
  var largest = logits[row];
  var best = 0u;
  for (var c = 1u; c < params.classes; c++) {
    if (logits[row + c] > largest) { largest = logits[row + c]; best = c; }
  }
  var sum = 0.0;
  for (var c = 0u; c < params.classes; c++) { sum += exp((logits[row + c] - largest) / params.temperature); }
  for (var c = 0u; c < params.pitch; c++) {
    soft[row + c] = select(0.0, exp((logits[row + min(c, params.classes - 1u)] - largest) / params.temperature) / sum, c < params.classes);
  }
  label[n] = best;
  mask[n] = select(0.0, 1.0, 1.0 / sum >= params.threshold);
}
