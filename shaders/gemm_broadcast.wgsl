enable subgroups;

// Matrix product out = A B (+ bias), or partial sums of it over a share of k. A is [m,k], with TA [k,m]; B is [k,n], with TB [n,k].
// a, b, out: rows of vec4, the last axis padded with zeros; out [splits,m,4*n4], bias [4*n4].
// A subgroup of L lanes computes 8*SETS rows x 4*L columns, a lane 4 columns of each row. Per step of 4 k a lane loads its own 4x4 of B,
// and 8 lanes load 8 rows x 4 k of A per set, which are broadcast (subgroups of 8 or more, workgroups of whole subgroups).
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

// Where this lane's vec4 of a set of 8 rows of A is at a step: one of 8 rows, or (TA) one of 4 k x 2 vec4 of rows.
fn a_index(row: u32, lane: u32, step: u32) -> u32 {
  if (TA) { return (4u * step + ((lane >> 1u) & 3u)) * params.m4 + min(row / 4u + (lane & 1u), params.m4 - 1u); }
  return min(row + (lane & 7u), params.m - 1u) * params.k4 + step;
}

fn load_a(index: u32, k: u32) -> vec4f {
  if (TA) { return select(vec4f(), a[index], k < params.k); }
  return a[index];
}

// Where vec4 `i` of this lane's 4x4 of B is at a step: row `i` of the four, or (TB) column `i`.
fn b_index(column: u32, i: u32, step: u32) -> u32 {
  if (TB) { return min(4u * column + i, params.n - 1u) * params.k4 + step; }
  return (4u * step + i) * params.n4 + column;
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
  let own = (tile % params.column_tiles) * WG + lid;
  let column = min(own, params.n4 - 1u);
  let row = (tile / params.column_tiles % params.row_tiles) * 8u * SETS;
  let begin = split * params.steps_per_split;
  let end = min(begin + params.steps_per_split, (params.k + 3u) / 4u);
  let a_stride = select(1u, 4u * params.m4, TA);
  let b_stride = select(4u * params.n4, 1u, TB);
  let top = select((params.k - 1u) * params.n4 + column, params.n * params.k4 - 1u, TB);
  var i0 = b_index(column, 0u, begin);
  var i1 = b_index(column, 1u, begin);
  var i2 = b_index(column, 2u, begin);
  var i3 = b_index(column, 3u, begin);
  var j0 = a_index(row, lane, begin);
  var j1 = a_index(row + 8u, lane, begin);
  var j2 = a_index(row + 16u, lane, begin);
  var j3 = a_index(row + 24u, lane, begin);
  var k = 4u * begin + ((lane >> 1u) & 3u);
  var t0 = mat4x4f(); var t1 = mat4x4f();
  var t2 = mat4x4f(); var t3 = mat4x4f();
  var t4 = mat4x4f(); var t5 = mat4x4f();
  var t6 = mat4x4f(); var t7 = mat4x4f();
  for (var first = begin; first < end; first += RUN) {
    let stop = min(first + RUN, end);
    var s0 = mat4x4f(); var s1 = mat4x4f();
    var s2 = mat4x4f(); var s3 = mat4x4f();
    var s4 = mat4x4f(); var s5 = mat4x4f();
    var s6 = mat4x4f(); var s7 = mat4x4f();
    for (var step = first; step < stop; step++) {
      var y = mat4x4f(b[i0], b[min(i1, top)], b[min(i2, top)], b[min(i3, top)]);
      if (TB) { y = transpose(y); }
      // All loads of a step come first: on lavapipe that is worth a tenth.
      let x0 = load_a(j0, k);
      var x1 = vec4f(); var x2 = vec4f(); var x3 = vec4f();
      if (SETS > 1u) { x1 = load_a(j1, k); }
      if (SETS > 2u) { x2 = load_a(j2, k); }
      if (SETS > 3u) { x3 = load_a(j3, k); }
      s0 += y * low(x0); s1 += y * high(x0);
      if (SETS > 1u) { s2 += y * low(x1); s3 += y * high(x1); }
      if (SETS > 2u) { s4 += y * low(x2); s5 += y * high(x2); }
      if (SETS > 3u) { s6 += y * low(x3); s7 += y * high(x3); }
      i0 += b_stride; i1 += b_stride; i2 += b_stride; i3 += b_stride;
      j0 += a_stride; j1 += a_stride; j2 += a_stride; j3 += a_stride;
      k += 4u;
    }
    t0 += s0; t1 += s1; t2 += s2; t3 += s3;
    t4 += s4; t5 += s5; t6 += s6; t7 += s7;
  }
  if (own >= params.n4) { return; }
  let base = split * params.m;
  store(base, row, own, t0);
  store(base, row + 4u, own, t1);
  if (SETS > 1u) { store(base, row + 8u, own, t2); store(base, row + 12u, own, t3); }
  if (SETS > 2u) { store(base, row + 16u, own, t4); store(base, row + 20u, own, t5); }
  if (SETS > 3u) { store(base, row + 24u, own, t6); store(base, row + 28u, own, t7); }
}

// Rows 0 to 3 of a set, as columns of k.
fn low(x: vec4f) -> mat4x4f {
  if (TA) {
    return transpose(mat4x4f(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 4u), subgroupBroadcast(x, 6u)));
  }
  return mat4x4f(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u));
}

// Rows 4 to 7 of a set.
fn high(x: vec4f) -> mat4x4f {
  if (TA) {
    return transpose(mat4x4f(subgroupBroadcast(x, 1u), subgroupBroadcast(x, 3u), subgroupBroadcast(x, 5u), subgroupBroadcast(x, 7u)));
  }
  return mat4x4f(subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u), subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u));
}

// Stores 4 rows of one vec4 of columns; columns from n on are zero.
fn store(base: u32, row: u32, column: u32, rows: mat4x4f) {
  var add = vec4f();
  if (params.has_bias == 1u) { add = bias[column]; }
  let real = 4u * column + vec4u(0u, 1u, 2u, 3u) < vec4u(params.n);
  let to = (base + row) * params.n4 + column;
  if (row < params.m) { out[to] = select(vec4f(), rows[0] + add, real); }
  if (row + 1u < params.m) { out[to + params.n4] = select(vec4f(), rows[1] + add, real); }
  if (row + 2u < params.m) { out[to + 2u * params.n4] = select(vec4f(), rows[2] + add, real); }
  if (row + 3u < params.m) { out[to + 3u * params.n4] = select(vec4f(), rows[3] + add, real); }
}
