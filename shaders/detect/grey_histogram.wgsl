// How often each grey value occurs: counts [copies, 256], zero before; one copy per group of rows keeps invocations out of each
// other's way. One invocation per row.
const WG: u32 = 64u;

struct Params { w: u32, h: u32, words: u32, copies: u32 }

@group(0) @binding(0) var<storage, read> image: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (wid.y * nwg.x + wid.x) * WG + lid;
  if (row >= params.h) { return; }
  let copy = (row % params.copies) * 256u;
  // Neighbours are often equal: a run is added at once.
  var value = image[row * params.words] & 255u;
  var run = 0u;
  for (var x = 0u; x < params.w; x++) {
    let next = (image[row * params.words + x / 4u] >> ((x % 4u) * 8u)) & 255u;
    if (next != value) {
      atomicAdd(&counts[copy + value], run);
      value = next;
      run = 0u;
    }
    run++;
  }
  atomicAdd(&counts[copy + value], run);
}
