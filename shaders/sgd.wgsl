// Stochastic gradient descent with momentum, as torch.optim.SGD (dampening 0), for all parameters of a network at once:
// g = grad + decay * w; velocity = momentum * velocity + g; w -= rate * (nesterov ? g + momentum * velocity : velocity).
// groups holds (rate factor, weight decay) for each 64 floats of the arena; rate[0] is the learning rate. `count` in vec4.
// Each workgroup owns WG*STEPS consecutive vec4, so that memory is read in long runs.
const WG: u32 = 64u;
const STEPS: u32 = 16u;

struct Params { count: u32, momentum: f32, nesterov: u32 }

@group(0) @binding(0) var<storage, read_write> value: array<vec4f>;
@group(0) @binding(1) var<storage, read> grad: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> velocity: array<vec4f>;
@group(0) @binding(3) var<storage, read> groups: array<vec2f>;
@group(0) @binding(4) var<storage, read> rate: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let begin = (wid.y * nwg.x + wid.x) * WG * STEPS + lid;
  let end = min(begin + WG * STEPS, params.count);
  for (var i = begin; i < end; i += WG) {
    let group = groups[i / 16u];
    let w = value[i];
    let g = grad[i] + group.y * w;
    let v = params.momentum * velocity[i] + g;
    velocity[i] = v;
    let step = select(v, g + params.momentum * v, params.nesterov == 1u);
    value[i] = w - rate[0] * group.x * step;
  }
}
