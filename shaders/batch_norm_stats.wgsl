// Per-channel mean and sum of squared deviations of a share of the rows, for batch normalisation in training.
// x [rows,4*c4], partials [splits,2,4*c4]: mean, then M2 = sum (x - mean)^2. Sums are taken about the share's first row, so that a mean
// far from zero costs no precision. One invocation: 4 channels of one share. batch_norm_finalize combines the shares.
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
  let begin = split * params.rows_per_split;
  let end = min(begin + params.rows_per_split, params.rows);
  let shift = x[begin * params.c4 + c];
  var sum = vec4f();
  var squares = vec4f();
  // Sums of 32 rows, then their sum: the rounding of short sums. Four loads are under way at once.
  var i = begin * params.c4 + c;
  for (var first = begin; first < end; first += 32u) {
    let last = min(first + 32u, end);
    var part_sum = vec4f();
    var part_squares = vec4f();
    var row = first;
    for (; row + 4u <= last; row += 4u) {
      let d0 = x[i] - shift;
      let d1 = x[i + params.c4] - shift;
      let d2 = x[i + 2u * params.c4] - shift;
      let d3 = x[i + 3u * params.c4] - shift;
      part_sum = part_sum + d0 + d1 + d2 + d3;
      part_squares = part_squares + d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3;
      i += 4u * params.c4;
    }
    for (; row < last; row++) {
      let d = x[i] - shift;
      part_sum += d;
      part_squares += d * d;
      i += params.c4;
    }
    sum += part_sum;
    squares += part_squares;
  }
  let mean = sum / f32(end - begin);
  partials[split * 2u * params.c4 + c] = shift + mean;
  partials[(split * 2u + 1u) * params.c4 + c] = max(squares - sum * mean, vec4f());
}
