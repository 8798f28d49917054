// out[g * count + i] = scale * sum of partials[s * count + i] over the `group` splits s from g * group on, in their order: the second half
// of every split reduction. `count` in vec4; g is the workgroup's z. Four splits are added before they join the sum: short sums.
// Each workgroup takes a contiguous run of STEPS * WG vec4, neighbours side by side.
const WG: u32 = 64u;
const STEPS: u32 = 1u;

struct Params { count: u32, splits: u32, group: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n = params.count;
  let begin = wid.z * params.group * n;
  let end = min((wid.z + 1u) * params.group, params.splits) * n;
  let first = (wid.y * nwg.x + wid.x) * STEPS * WG + lid;
  for (var i = first; i < min(first + STEPS * WG, n); i += WG) {
    var sum = vec4f();
    var k = begin + i;
    while (k + 3u * n < end) {
      sum += (partials[k] + partials[k + n]) + (partials[k + 2u * n] + partials[k + 3u * n]);
      k += 4u * n;
    }
    while (k < end) {
      sum += partials[k];
      k += n;
    }
    out[wid.z * n + i] = sum * params.scale;
  }
}
