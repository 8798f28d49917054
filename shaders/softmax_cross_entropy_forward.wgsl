// Cross-entropy of softmax(logits) with hard labels or soft targets, per sample:
// losses[n] = mask[n] * -sum over c of target[n,c] * log_softmax(logits)[n,c]; with HARD the target is 1 at labels[n].
// logits and targets [n,pitch], labels [n], mask [n]. sum_samples makes the weighted mean. One invocation: one sample.
const WG: u32 = 64u;
const HARD: bool = true;
const MASKED: bool = false;

struct Params { n: u32, classes: u32, pitch: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let n = gid.x;
  if (n >= params.n) { return; }
  let row = n * params.pitch;
  var largest = logits[row];
  for (var c = 1u; c < params.classes; c++) { largest = max(largest, logits[row + c]); }
  var sum = 0.0;
  for (var c = 0u; c < params.classes; c++) { sum += exp(logits[row + c] - largest); }
  let log_sum = log(sum);
  var loss = 0.0;
  if (HARD) {
    loss = log_sum + (largest - logits[row + labels[n]]);
  } else {
    for (var c = 0u; c < params.classes; c++) { loss += targets[row + c] * (log_sum + (largest - logits[row + c])); }
  }
  if (MASKED) { loss = select(0.0, loss * mask[n], mask[n] != 0.0); }
  losses[n] = loss;
}
