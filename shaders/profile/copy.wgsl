// Microbenchmark: the adapter's memory bandwidth. target_[i] = source[i], `count` in vec4: 32 bytes are moved for each.
// Each workgroup owns WG*STEPS consecutive vec4, so that memory is read in long runs.
const WG: u32 = 64u;
const STEPS: u32 = 16u;

struct Params { count: u32 }

@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let begin = (wid.y * nwg.x + wid.x) * WG * STEPS + lid;
  let end = min(begin + WG * STEPS, params.count);
  for (var i = begin; i < end; i += WG) {
    target_[i] = source[i];
  }
}
