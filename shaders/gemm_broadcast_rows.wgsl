enable subgroups;

// Matrix product out = A B (+ bias), or partial sums of it over a share of k. A is [m,k], with TA [k,m]; B is [k,n], with TB [n,k].
// a, b, out: rows of vec4, the last axis padded with zeros; out [splits,m,4*n4], bias [4*n4].
// The mirror image of gemm_broadcast, for tall products of few columns: a subgroup of L lanes computes 4*L rows x 8*SETS columns, a lane
// 4 rows of each column. Per step of 4 k a lane loads its own 4x4 of A, and 8 lanes load 4 k x 8 columns of B per set, which are
// broadcast (subgroups of 8 or more, workgroups of whole subgroups).
// A mat4x4f of A holds 4 rows as columns, one of B the 4 steps of k: their product `B * A` is 4 rows of 4 columns of out.
// Sums are taken in runs of RUN steps, the runs in totals: short sums round less than one long one.
// Spare rows and columns compute on clamped addresses and are not stored; spare k meet zeros of A.
const WG: u32 = 8u;
const SETS: u32 = 2u;
const TA: bool = false;
const TB: bool = false;
const RUN: u32 = 16u;

struct Params {
  m: u32, n: u32, k: u32, m4: u32, n4: u32, k4: u32,
  row_tiles: u32, column_tiles: u32, splits: u32, steps_per_split: u32, has_bias: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

// Where vec4 `i` of this lane's 4x4 of A is at a step: row `i` of the four, or (TA) all four at k `i`.
fn a_index(row: u32, i: u32, step: u32) -> u32 {
  if (TA) { return (4u * step + i) * params.m4 + min(row / 4u, params.m4 - 1u); }
  return min(row + i, params.m - 1u) * params.k4 + step;
}

fn load_a(index: u32, top: u32, inside: bool) -> vec4f {
  if (TA) { return select(vec4f(), a[min(index, top)], inside); }
  return a[index];
}

// Where this lane's vec4 of a set of 8 columns of B is at a step: one of 4 k x 2 vec4 of columns, or (TB) one of 8 columns.
fn b_index(column: u32, lane: u32, step: u32) -> u32 {
  if (TB) { return min(4u * column + (lane & 7u), params.n - 1u) * params.k4 + step; }
  return (4u * step + ((lane >> 1u) & 3u)) * params.n4 + min(column + (lane & 1u), params.n4 - 1u);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = wid.y * nwg.x + wid.x;
  let split = tile / (params.row_tiles * params.column_tiles);
  if (split >= params.splits) { return; }
  let column = (tile % params.column_tiles) * 2u * SETS;
  let row = ((tile / params.column_tiles % params.row_tiles) * WG + lid) * 4u;
  let begin = split * params.steps_per_split;
  let end = min(begin + params.steps_per_split, (params.k + 3u) / 4u);
  let a_stride = select(1u, 4u * params.m4, TA);
  let b_stride = select(4u * params.n4, 1u, TB);
  let a_top = params.k * params.m4 - 1u;
  let b_top = select(params.k * params.n4, params.n * params.k4, TB) - 1u;
  var i0 = a_index(row, 0u, begin);
  var i1 = a_index(row, 1u, begin);
  var i2 = a_index(row, 2u, begin);
  var i3 = a_index(row, 3u, begin);
  var j0 = b_index(column, lane, begin);
  var j1 = b_index(column + 2u, lane, begin);
  var k = 4u * begin;
  var t0 = mat4x4f(); var t1 = mat4x4f();
  var t2 = mat4x4f(); var t3 = mat4x4f();
  for (var first = begin; first < end; first += RUN) {
    let stop = min(first + RUN, end);
    var s0 = mat4x4f(); var s1 = mat4x4f();
    var s2 = mat4x4f(); var s3 = mat4x4f();
    for (var step = first; step < stop; step++) {
      // All loads of a step come first: on lavapipe that is worth a tenth.
      var x = mat4x4f(
        load_a(i0, a_top, k < params.k),
        load_a(i1, a_top, k + 1u < params.k),
        load_a(i2, a_top, k + 2u < params.k),
        load_a(i3, a_top, k + 3u < params.k),
      );
      if (TA) { x = transpose(x); }
      let y0 = b[min(j0, b_top)];
      var y1 = vec4f();
      if (SETS > 1u) { y1 = b[min(j1, b_top)]; }
      s0 += low(y0) * x;
      s1 += high(y0) * x;
      if (SETS > 1u) { s2 += low(y1) * x; s3 += high(y1) * x; }
      i0 += a_stride; i1 += a_stride; i2 += a_stride; i3 += a_stride;
      j0 += b_stride; j1 += b_stride;
      k += 4u;
    }
    t0 += s0; t1 += s1; t2 += s2; t3 += s3;
  }
  let base = split * params.m;
  store(base, row, column, t0);
  store(base, row, column + 1u, t1);
  if (SETS > 1u) { store(base, row, column + 2u, t2); store(base, row, column + 3u, t3); }
}

// Columns 0 to 3 of a set, at 4 k.
fn low(y: vec4f) -> mat4x4f {
  if (TB) {
    return transpose(mat4x4f(subgroupBroadcast(y, 0u), subgroupBroadcast(y, 1u), subgroupBroadcast(y, 2u), subgroupBroadcast(y, 3u)));
  }
  return mat4x4f(subgroupBroadcast(y, 0u), subgroupBroadcast(y, 2u), subgroupBroadcast(y, 4u), subgroupBroadcast(y, 6u));
}

// Columns 4 to 7 of a set.
fn high(y: vec4f) -> mat4x4f {
  if (TB) {
    return transpose(mat4x4f(subgroupBroadcast(y, 4u), subgroupBroadcast(y, 5u), subgroupBroadcast(y, 6u), subgroupBroadcast(y, 7u)));
  }
  return mat4x4f(subgroupBroadcast(y, 1u), subgroupBroadcast(y, 3u), subgroupBroadcast(y, 5u), subgroupBroadcast(y, 7u));
}

// Stores 4 rows of one vec4 of columns; columns from n on are zero.
fn store(base: u32, row: u32, column: u32, rows: mat4x4f) {
  if (column >= params.n4) { return; }
  var add = vec4f();
  if (params.has_bias == 1u) { add = bias[column]; }
  let real = 4u * column + vec4u(0u, 1u, 2u, 3u) < vec4u(params.n);
  let to = (base + row) * params.n4 + column;
  if (row < params.m) { out[to] = select(vec4f(), rows[0] + add, real); }
  if (row + 1u < params.m) { out[to + params.n4] = select(vec4f(), rows[1] + add, real); }
  if (row + 2u < params.m) { out[to + 2u * params.n4] = select(vec4f(), rows[2] + add, real); }
  if (row + 3u < params.m) { out[to + 3u * params.n4] = select(vec4f(), rows[3] + add, real); }
}
