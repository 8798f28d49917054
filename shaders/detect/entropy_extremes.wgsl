// Smallest and largest entropy (hi, lo as local_entropy writes them) of a share of the pixels: partials[share] = (min hi, min lo, max hi, max lo).
const WG: u32 = 64u;

struct Params { count: u32, shares: u32, share: u32 }

@group(0) @binding(0) var<storage, read> hi: array<u32>;
@group(0) @binding(1) var<storage, read> lo: array<u32>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec4u>;
@group(0) @binding(3) var<uniform> params: Params;

fn less(a: vec2u, b: vec2u) -> bool { return a.x < b.x || (a.x == b.x && a.y < b.y); }

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let share = (wid.y * nwg.x + wid.x) * WG + lid;
  if (share >= params.shares) { return; }
  let begin = share * params.share;
  var least = vec2u(hi[begin], lo[begin]);
  var most = least;
  for (var i = begin + 1u; i < min(begin + params.share, params.count); i++) {
    let e = vec2u(hi[i], lo[i]);
    if (less(e, least)) { least = e; }
    if (less(most, e)) { most = e; }
  }
  partials[share] = vec4u(least, most);
}
