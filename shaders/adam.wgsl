// Adam as torch.optim.Adam (weight decay added to the gradient), for all parameters of a network at once.
// rate = [learning rate, 1 - beta1^t, 1 - beta2^t]; groups holds (rate factor, weight decay) for each 64 floats. `count` in vec4.
// Each workgroup owns WG*STEPS consecutive vec4, so that memory is read in long runs.
const WG: u32 = 64u;
const STEPS: u32 = 16u;

struct Params { count: u32, beta1: f32, beta2: f32, eps: f32 }

@group(0) @binding(0) var<storage, read_write> value: array<vec4f>;
@group(0) @binding(1) var<storage, read> grad: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> second: array<vec4f>;
@group(0) @binding(4) var<storage, read> groups: array<vec2f>;
@group(0) @binding(5) var<storage, read> rate: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let begin = (wid.y * nwg.x + wid.x) * WG * STEPS + lid;
  let end = min(begin + WG * STEPS, params.count);
  for (var i = begin; i < end; i += WG) {
    let group = groups[i / 16u];
    let w = value[i];
    let g = grad[i] + group.y * w;
    let m = first[i] + (1.0 - params.beta1) * (g - first[i]);
    let v = params.beta2 * second[i] + (1.0 - params.beta2) * g * g;
    first[i] = m;
    second[i] = v;
    value[i] = w - (rate[0] * group.x / rate[1]) * m / (sqrt(v / rate[2]) + params.eps);
  }
}
