// Partial sums over rows, per channel: partials[s,c] = sum over the rows of share s of x[row,c].
// x [rows,4*c4], partials [splits,4*c4]; reduce_partials sums the shares in fixed order. One invocation: 4 channels of one share;
// neighbours have neighbouring channels. Four rows are added before they join the sum: short sums, and loads that do not wait.
const WG: u32 = 64u;

struct Params { rows: u32, c4: u32, splits: u32, rows_per_split: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let item = (wid.y * nwg.x + wid.x) * WG + lid;
  let c4 = params.c4;
  if (item >= c4 * params.splits) { return; }
  let split = item / c4;
  var i = split * params.rows_per_split * c4 + item % c4;
  let end = min((split + 1u) * params.rows_per_split, params.rows) * c4;
  var sum = vec4f();
  while (i + 3u * c4 < end) {
    sum += (x[i] + x[i + c4]) + (x[i + 2u * c4] + x[i + 3u * c4]);
    i += 4u * c4;
  }
  while (i < end) {
    sum += x[i];
    i += c4;
  }
  partials[item] = sum;
}
