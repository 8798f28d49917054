// Combines the shares of batch_norm_stats (Chan et al. 1979, in order) and updates the running statistics as torch does.
// partials [splits,2,4*c4], stats [3,4*c4] = origin, 1/sqrt(biased variance + eps), mean - origin: the
// mean in two parts, so that one far from zero costs no precision; running_mean and running_var [4*c4] move by `momentum`
// (the variance unbiased). One invocation: 4 channels.
const WG: u32 = 64u;

struct Params { rows: u32, c4: u32, splits: u32, rows_per_split: u32, eps: f32, momentum: f32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> running_mean: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> running_var: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let c = gid.x;
  if (c >= params.c4) { return; }
  var count = 0.0;
  let origin = partials[c];
  var mean = vec4f();
  var m2 = vec4f();
  for (var s = 0u; s < params.splits; s++) {
    let begin = s * params.rows_per_split;
    let more = f32(min(begin + params.rows_per_split, params.rows) - begin);
    let d = (partials[s * 2u * params.c4 + c] - origin) - mean;
    let total = count + more;
    mean += d * (more / total);
    m2 += partials[(s * 2u + 1u) * params.c4 + c] + d * d * (count * more / total);
    count = total;
  }
  stats[c] = origin;
  stats[params.c4 + c] = 1.0 / sqrt(m2 / count + params.eps);
  stats[2u * params.c4 + c] = mean;
  running_mean[c] += params.momentum * (origin + mean - running_mean[c]);
  running_var[c] += params.momentum * (m2 / max(count - 1.0, 1.0) - running_var[c]);
}
