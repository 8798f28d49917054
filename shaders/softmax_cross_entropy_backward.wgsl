// Gradient of the weighted mean cross-entropy: dlogits[n,c] = dloss * weight / N * mask[n] * (softmax(logits)[n,c] * sum(target[n]) - target[n,c]).
// logits, targets and d_logits [n,pitch], labels [n], mask [n], weight and d_loss [1]; padding gets zeros. One invocation: one sample.
const WG: u32 = 64u;
const HARD: bool = true;
const MASKED: bool = false;

struct Params { n: u32, classes: u32, pitch: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> d_loss: array<f32>;
@group(0) @binding(6) var<storage, read_write> d_logits: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let n = gid.x;
  if (n >= params.n) { return; }
  let row = n * params.pitch;
  var largest = logits[row];
  for (var c = 1u; c < params.classes; c++) { largest = max(largest, logits[row + c]); }
  var sum = 0.0;
  var total = 0.0;
  for (var c = 0u; c < params.classes; c++) {
    sum += exp(logits[row + c] - largest);
    if (!HARD) { total += targets[row + c]; }
  }
  if (HARD) { total = 1.0; }
  var factor = d_loss[0] * weight[0] * params.scale;
  if (MASKED) { factor *= mask[n]; }
  for (var c = 0u; c < params.pitch; c++) {
    var g = 0.0;
    if (c < params.classes && factor != 0.0) {
      g = exp(logits[row + c] - largest) / sum * total;
      if (HARD) { g -= select(0.0, 1.0, c == labels[n]); } else { g -= targets[row + c]; }
      g *= factor;
    }
    d_logits[row + c] = g;
  }
}
