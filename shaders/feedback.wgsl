// The student's feedback to the teacher: d = sign * (s_new - s_old), minus the moving average of those before it if `decay` >= 0 (0: the last one); weight = d * scale.
// s_old, s_new, feedback (raw d) and weight [1]; baseline [2] = moving average, 1 once it has begun (it begins at the first d).
const WG: u32 = 1u;

struct Params { sign: f32, scale: f32, decay: f32 }

@group(0) @binding(0) var<storage, read> s_old: array<f32>;
@group(0) @binding(1) var<storage, read> s_new: array<f32>;
@group(0) @binding(2) var<storage, read_write> baseline: array<f32>;
@group(0) @binding(3) var<storage, read_write> feedback: array<f32>;
@group(0) @binding(4) var<storage, read_write> weight: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main() {
  let d = params.sign * (s_new[0] - s_old[0]);
  var centred = d;
  if (params.decay >= 0.0) {
    let average = select(d, baseline[0], baseline[1] == 1.0);
    centred = d - average;
    baseline[0] = params.decay * average + (1.0 - params.decay) * d;
    baseline[1] = 1.0;
  }
  feedback[0] = d;
  weight[0] = centred * params.scale;
}
