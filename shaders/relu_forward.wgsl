// y = max(x, 0), and NaN stays NaN, so that a network that diverges shows it. `count` in vec4.
// Each workgroup owns WG*STEPS consecutive vec4, so that memory is read in long runs.
// profile: sizes = 65536 1048576 16777216; count = n / 4; grid = ceil(n / 4 / (WG * STEPS)); flops = n
const WG: u32 = 64u;
const STEPS: u32 = 16u;

struct Params { count: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let begin = (wid.y * nwg.x + wid.x) * WG * STEPS + lid;
  let end = min(begin + WG * STEPS, params.count);
  for (var i = begin; i < end; i += WG) {
    let v = x[i];
    y[i] = select(v, vec4f(), v <= vec4f());
  }
}
