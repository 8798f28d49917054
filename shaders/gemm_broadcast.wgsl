enable subgroups;

// Matrix product out = A B (+ bias), or partial sums of it over a share of k. A is [m,k], with TA [k,m]; B is [k,n], with TB [n,k].
// a, b, out: rows of vec4, the last axis padded with zeros; out [splits,m,4*n4], bias [4*n4].
// A subgroup of L lanes computes 8*SETS rows x 4*L columns, a lane 4 columns of each row. Per step of 4 k a lane loads its own 4x4 of B,
// and 8 lanes load 8 rows x 4 k of A per set, which are broadcast (subgroups of 8 or more, workgroups of whole subgroups).
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

// Of 8 rows of out, this lane's 4 columns.
struct Rows { r0: vec4f, r1: vec4f, r2: vec4f, r3: vec4f, r4: vec4f, r5: vec4f, r6: vec4f, r7: vec4f }

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
  let own = (tile % params.column_tiles) * WG + lid;
  let column = min(own, params.n4 - 1u);
  let row = (tile / params.column_tiles % params.row_tiles) * 8u * SETS;
  let begin = split * params.steps_per_split;
  // A tile too many sums nothing and stores nothing: lanes that had returned early would cost every load a mask on lavapipe.
  let spare = split >= params.splits;
  let end = select(min(begin + params.steps_per_split, (params.k + 3u) / 4u), begin, spare);
  let a_stride = select(1u, 4u * params.m4, TA);
  let top = (params.k - 1u) * params.n4 + column;
  var i0 = b_index(column, 0u, begin);
  var i1 = b_index(column, 1u, begin);
  var i2 = b_index(column, 2u, begin);
  var i3 = b_index(column, 3u, begin);
  var j0 = a_index(row, lane, begin);
  var j1 = a_index(row + 8u, lane, begin);
  var j2 = a_index(row + 16u, lane, begin);
  var j3 = a_index(row + 24u, lane, begin);
  var k = 4u * begin + ((lane >> 1u) & 3u);
  var t0 = Rows(); var t1 = Rows(); var t2 = Rows(); var t3 = Rows();
  for (var first = begin; first < end; first += RUN) {
    let stop = min(first + RUN, end);
    var s0 = Rows(); var s1 = Rows(); var s2 = Rows(); var s3 = Rows();
    for (var step = first; step < stop; step++) {
      // All loads of a step come first, A's before B's: on lavapipe that is worth a tenth.
      let x0 = load_a(j0, k);
      var x1 = vec4f(); var x2 = vec4f(); var x3 = vec4f();
      if (SETS > 1u) { x1 = load_a(j1, k); }
      if (SETS > 2u) { x2 = load_a(j2, k); }
      if (SETS > 3u) { x3 = load_a(j3, k); }
      var y = mat4x4f();
      if (TB) {
        y = transpose(mat4x4f(b[i0], b[i1], b[i2], b[i3]));
        i0 += 1u; i1 += 1u; i2 += 1u; i3 += 1u;
      } else {
        y = mat4x4f(b[i0], b[min(i0 + params.n4, top)], b[min(i0 + 2u * params.n4, top)], b[min(i0 + 3u * params.n4, top)]);
        i0 += 4u * params.n4;
      }
      add_step(&s0, x0, y);
      if (SETS > 1u) { add_step(&s1, x1, y); }
      if (SETS > 2u) { add_step(&s2, x2, y); }
      if (SETS > 3u) { add_step(&s3, x3, y); }
      j0 += a_stride; j1 += a_stride; j2 += a_stride; j3 += a_stride;
      k += 4u;
    }
    add_run(&t0, s0);
    if (SETS > 1u) { add_run(&t1, s1); }
    if (SETS > 2u) { add_run(&t2, s2); }
    if (SETS > 3u) { add_run(&t3, s3); }
  }
  if (own >= params.n4 || spare) { return; }
  let base = split * params.m;
  store(base, row, own, t0);
  if (SETS > 1u) { store(base, row + 8u, own, t1); }
  if (SETS > 2u) { store(base, row + 16u, own, t2); }
  if (SETS > 3u) { store(base, row + 24u, own, t3); }
}

// s + x * y, product by product: on lavapipe faster than adding a sum of four.
fn add(s: vec4f, x: vec4f, y: mat4x4f) -> vec4f {
  return s + x.x * y[0] + x.y * y[1] + x.z * y[2] + x.w * y[3];
}

// (TA) 4 k of a row among the first four of a set, and among the last four.
fn even(v: f32) -> vec4f {
  return vec4f(subgroupBroadcast(v, 0u), subgroupBroadcast(v, 2u), subgroupBroadcast(v, 4u), subgroupBroadcast(v, 6u));
}

fn odd(v: f32) -> vec4f {
  return vec4f(subgroupBroadcast(v, 1u), subgroupBroadcast(v, 3u), subgroupBroadcast(v, 5u), subgroupBroadcast(v, 7u));
}

fn add_step(s: ptr<function, Rows>, x: vec4f, y: mat4x4f) {
  if (TA) {
    (*s).r0 = add((*s).r0, even(x.x), y);
    (*s).r1 = add((*s).r1, even(x.y), y);
    (*s).r2 = add((*s).r2, even(x.z), y);
    (*s).r3 = add((*s).r3, even(x.w), y);
    (*s).r4 = add((*s).r4, odd(x.x), y);
    (*s).r5 = add((*s).r5, odd(x.y), y);
    (*s).r6 = add((*s).r6, odd(x.z), y);
    (*s).r7 = add((*s).r7, odd(x.w), y);
  } else {
    (*s).r0 = add((*s).r0, subgroupBroadcast(x, 0u), y);
    (*s).r1 = add((*s).r1, subgroupBroadcast(x, 1u), y);
    (*s).r2 = add((*s).r2, subgroupBroadcast(x, 2u), y);
    (*s).r3 = add((*s).r3, subgroupBroadcast(x, 3u), y);
    (*s).r4 = add((*s).r4, subgroupBroadcast(x, 4u), y);
    (*s).r5 = add((*s).r5, subgroupBroadcast(x, 5u), y);
    (*s).r6 = add((*s).r6, subgroupBroadcast(x, 6u), y);
    (*s).r7 = add((*s).r7, subgroupBroadcast(x, 7u), y);
  }
}

fn add_run(t: ptr<function, Rows>, s: Rows) {
  (*t).r0 += s.r0;
  (*t).r1 += s.r1;
  (*t).r2 += s.r2;
  (*t).r3 += s.r3;
  (*t).r4 += s.r4;
  (*t).r5 += s.r5;
  (*t).r6 += s.r6;
  (*t).r7 += s.r7;
}

// Stores 8 rows of one vec4 of columns; columns from n on are zero.
fn store(base: u32, row: u32, column: u32, s: Rows) {
  store_row(base, row, column, s.r0);
  store_row(base, row + 1u, column, s.r1);
  store_row(base, row + 2u, column, s.r2);
  store_row(base, row + 3u, column, s.r3);
  store_row(base, row + 4u, column, s.r4);
  store_row(base, row + 5u, column, s.r5);
  store_row(base, row + 6u, column, s.r6);
  store_row(base, row + 7u, column, s.r7);
}

fn store_row(base: u32, row: u32, column: u32, value: vec4f) {
  if (row >= params.m) { return; }
  var offset = vec4f();
  if (params.has_bias == 1u) { offset = bias[column]; }
  let real = 4u * column + vec4u(0u, 1u, 2u, 3u) < vec4u(params.n);
  out[(base + row) * params.n4 + column] = select(vec4f(), value + offset, real);
}
