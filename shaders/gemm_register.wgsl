// Matrix product out = A B (+ bias), or partial sums of it over a share of k. A is [m,k], with TA [k,m]; B is [k,n], with TB [n,k].
// a, b, out: rows of vec4, the last axis padded with zeros; out [splits,m,4*n4], bias [4*n4].
// One invocation computes 4*QUADS rows x 8 columns; neighbours have neighbouring columns.
// A mat4x4f of A holds 4 rows as columns, one of B the 4 steps of k: their product `B * A` is 4 rows of 4 columns of out.
// Sums are taken in runs of RUN steps, the runs in totals: short sums round less than one long one.
// Spare rows and columns compute on clamped addresses and are not stored; spare k meet zeros of A.
const WG: u32 = 8u;
const QUADS: u32 = 2u;
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

// 4 rows of A from `row` on at 4 k, as columns of k.
fn load_a(row: u32, step: u32) -> mat4x4f {
  if (TA) {
    let i = 4u * step * params.m4 + min(row / 4u, params.m4 - 1u);
    let top = params.m4 * params.k - 1u;
    let inside = 4u * step + vec4u(0u, 1u, 2u, 3u) < vec4u(params.k);
    return transpose(mat4x4f(
      a[i],
      select(vec4f(), a[min(i + params.m4, top)], inside.y),
      select(vec4f(), a[min(i + 2u * params.m4, top)], inside.z),
      select(vec4f(), a[min(i + 3u * params.m4, top)], inside.w),
    ));
  }
  let last = params.m - 1u;
  return mat4x4f(
    a[min(row, last) * params.k4 + step],
    a[min(row + 1u, last) * params.k4 + step],
    a[min(row + 2u, last) * params.k4 + step],
    a[min(row + 3u, last) * params.k4 + step],
  );
}

// 4 k of B at one vec4 of columns.
fn load_b(column: u32, step: u32) -> mat4x4f {
  if (TB) {
    let last = params.n - 1u;
    return transpose(mat4x4f(
      b[min(4u * column, last) * params.k4 + step],
      b[min(4u * column + 1u, last) * params.k4 + step],
      b[min(4u * column + 2u, last) * params.k4 + step],
      b[min(4u * column + 3u, last) * params.k4 + step],
    ));
  }
  let last = params.k - 1u;
  return mat4x4f(
    b[min(4u * step, last) * params.n4 + column],
    b[min(4u * step + 1u, last) * params.n4 + column],
    b[min(4u * step + 2u, last) * params.n4 + column],
    b[min(4u * step + 3u, last) * params.n4 + column],
  );
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let tile = (wid.y * nwg.x + wid.x) * WG + lid;
  let split = tile / (params.row_tiles * params.column_tiles);
  if (split >= params.splits) { return; }
  let c0 = (tile % params.column_tiles) * 2u;
  let c1 = min(c0 + 1u, params.n4 - 1u);
  let row = (tile / params.column_tiles % params.row_tiles) * 4u * QUADS;
  let begin = split * params.steps_per_split;
  let end = min(begin + params.steps_per_split, (params.k + 3u) / 4u);
  var t00 = mat4x4f(); var t01 = mat4x4f();
  var t10 = mat4x4f(); var t11 = mat4x4f();
  for (var first = begin; first < end; first += RUN) {
    let stop = min(first + RUN, end);
    var s00 = mat4x4f(); var s01 = mat4x4f();
    var s10 = mat4x4f(); var s11 = mat4x4f();
    for (var step = first; step < stop; step++) {
      let y0 = load_b(c0, step);
      let y1 = load_b(c1, step);
      let x0 = load_a(row, step);
      s00 += y0 * x0;
      s01 += y1 * x0;
      if (QUADS > 1u) {
        let x1 = load_a(row + 4u, step);
        s10 += y0 * x1;
        s11 += y1 * x1;
      }
    }
    t00 += s00; t01 += s01;
    t10 += s10; t11 += s11;
  }
  let base = split * params.m;
  store(base, row, c0, t00);
  if (QUADS > 1u) { store(base, row + 4u, c0, t10); }
  if (c0 + 1u < params.n4) {
    store(base, row, c1, t01);
    if (QUADS > 1u) { store(base, row + 4u, c1, t11); }
  }
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
