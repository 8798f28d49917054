// Partial sums over rows, per channel: partials[s,c] = sum over the rows of share s of x[row,c].
// x [rows,4*c4], partials [splits,4*c4]; reduce_partials sums the shares in fixed order. One invocation: 4 channels of one share.
const WG: u32 = 64u;

struct Params { rows: u32, c4: u32, splits: u32, rows_per_split: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  if (item >= params.c4 * params.splits) { return; }
  let c = item % params.c4;
  let split = item / params.c4;
  let end = min((split + 1u) * params.rows_per_split, params.rows);
  var sum = vec4f();
  for (var row = split * params.rows_per_split; row < end; row++) { sum += x[row * params.c4 + c]; }
  partials[item] = sum;
}
