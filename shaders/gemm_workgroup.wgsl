// Matrix product out = A B (+ bias), or partial sums of it over a share of k. A is [m,k], with TA [k,m]; B is [k,n], with TB [n,k].
// a, b, out: rows of vec4, the last axis padded with zeros; out [splits,m,4*n4], bias [4*n4].
// A workgroup computes TILE rows x TILE columns from tiles of A and B in workgroup memory, 16 k at a time; an invocation 8 rows x
// 4*QUADS columns, as quads TILE/2 apart: neighbours then read neighbouring addresses. WG = TILE/8 * TILE/(4*QUADS).
// A mat4x4f of A holds 4 rows as columns, one of B the 4 steps of k: their product `B * A` is 4 rows of 4 columns of out.
// Sums are taken in runs of RUN steps, the runs in totals: short sums round less than one long one.
// Spare rows and columns compute on clamped addresses and are not stored; spare k are zeros of A.
const WG: u32 = 128u;
const TILE: u32 = 64u;
const QUADS: u32 = 1u;
const TA: bool = false;
const TB: bool = false;
const RUN: u32 = 16u;
const DEPTH: u32 = 4u;

struct Params {
  m: u32, n: u32, k: u32, m4: u32, n4: u32, k4: u32,
  row_tiles: u32, column_tiles: u32, splits: u32, steps_per_split: u32, has_bias: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

// [step][row]: 4 k of a row of A. [step][k][vec4 of columns]: a row of B.
var<workgroup> tile_a: array<vec4f, DEPTH * TILE>;
var<workgroup> tile_b: array<vec4f, DEPTH * TILE>;

// 4 rows of A from `row` on at 4 k, as columns of k; zeros where k ends.
fn load_a(row: u32, step: u32) -> mat4x4f {
  let inside = 4u * step + vec4u(0u, 1u, 2u, 3u) < vec4u(params.k);
  if (TA) {
    let c = min(row / 4u, params.m4 - 1u);
    let last = params.k - 1u;
    return transpose(mat4x4f(
      select(vec4f(), a[min(4u * step, last) * params.m4 + c], inside.x),
      select(vec4f(), a[min(4u * step + 1u, last) * params.m4 + c], inside.y),
      select(vec4f(), a[min(4u * step + 2u, last) * params.m4 + c], inside.z),
      select(vec4f(), a[min(4u * step + 3u, last) * params.m4 + c], inside.w),
    ));
  }
  let last = params.m - 1u;
  let s = min(step, params.k4 - 1u);
  return mat4x4f(
    select(vec4f(), a[min(row, last) * params.k4 + s], inside.x),
    select(vec4f(), a[min(row + 1u, last) * params.k4 + s], inside.x),
    select(vec4f(), a[min(row + 2u, last) * params.k4 + s], inside.x),
    select(vec4f(), a[min(row + 3u, last) * params.k4 + s], inside.x),
  );
}

// 4 k of B at one vec4 of columns.
fn load_b(column: u32, step: u32) -> mat4x4f {
  if (TB) {
    let last = params.n - 1u;
    let s = min(step, params.k4 - 1u);
    return transpose(mat4x4f(
      b[min(4u * column, last) * params.k4 + s],
      b[min(4u * column + 1u, last) * params.k4 + s],
      b[min(4u * column + 2u, last) * params.k4 + s],
      b[min(4u * column + 3u, last) * params.k4 + s],
    ));
  }
  let last = params.k - 1u;
  let c = min(column, params.n4 - 1u);
  return mat4x4f(
    b[min(4u * step, last) * params.n4 + c],
    b[min(4u * step + 1u, last) * params.n4 + c],
    b[min(4u * step + 2u, last) * params.n4 + c],
    b[min(4u * step + 3u, last) * params.n4 + c],
  );
}

// Fills both tiles with 4x4 blocks, in the order in which they lie in memory.
fn fill_tiles(lid: u32, row: u32, column: u32, step: u32, end: u32) {
  for (var e = lid; e < TILE; e += WG) {
    let side = select(e / DEPTH, e % (TILE / 4u), TA);
    let s = select(e % DEPTH, e / (TILE / 4u), TA);
    // Steps from `end` on belong to the next share.
    let x = load_a(row + 4u * side, select(step + s, params.k, step + s >= end));
    let at = s * TILE + 4u * side;
    tile_a[at] = x[0]; tile_a[at + 1u] = x[1]; tile_a[at + 2u] = x[2]; tile_a[at + 3u] = x[3];
  }
  for (var e = lid; e < TILE; e += WG) {
    let side = select(e % (TILE / 4u), e / DEPTH, TB);
    let s = select(e / (TILE / 4u), e % DEPTH, TB);
    let y = load_b(column + side, step + s);
    let at = s * TILE + side;
    tile_b[at] = y[0]; tile_b[at + TILE / 4u] = y[1]; tile_b[at + TILE / 2u] = y[2]; tile_b[at + 3u * TILE / 4u] = y[3];
  }
}

fn quad_a(s: u32, row: u32) -> mat4x4f {
  let at = s * TILE + row;
  return mat4x4f(tile_a[at], tile_a[at + 1u], tile_a[at + 2u], tile_a[at + 3u]);
}

fn quad_b(s: u32, column: u32) -> mat4x4f {
  let at = s * TILE + column;
  return mat4x4f(tile_b[at], tile_b[at + TILE / 4u], tile_b[at + TILE / 2u], tile_b[at + 3u * TILE / 4u]);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let tile = wid.y * nwg.x + wid.x;
  let split = tile / (params.row_tiles * params.column_tiles);
  if (split >= params.splits) { return; }
  let row = (tile / params.column_tiles % params.row_tiles) * TILE;
  let column = (tile % params.column_tiles) * (TILE / 4u);
  let begin = split * params.steps_per_split;
  let end = min(begin + params.steps_per_split, (params.k + 3u) / 4u);
  let across = TILE / (4u * QUADS);
  let r = 4u * (lid / across);
  let c = lid % across;
  var t00 = mat4x4f(); var t01 = mat4x4f();
  var t10 = mat4x4f(); var t11 = mat4x4f();
  for (var first = begin; first < end; first += RUN) {
    let stop = min(first + RUN, end);
    var s00 = mat4x4f(); var s01 = mat4x4f();
    var s10 = mat4x4f(); var s11 = mat4x4f();
    for (var step = first; step < stop; step += DEPTH) {
      workgroupBarrier();
      fill_tiles(lid, row, column, step, end);
      workgroupBarrier();
      for (var s = 0u; s < DEPTH; s++) {
        let x0 = quad_a(s, r);
        let x1 = quad_a(s, r + TILE / 2u);
        let y0 = quad_b(s, c);
        s00 += y0 * x0;
        s10 += y0 * x1;
        if (QUADS > 1u) {
          let y1 = quad_b(s, c + across);
          s01 += y1 * x0;
          s11 += y1 * x1;
        }
      }
    }
    t00 += s00; t01 += s01;
    t10 += s10; t11 += s11;
  }
  let base = split * params.m;
  store(base, row + r, column + c, t00);
  store(base, row + r + TILE / 2u, column + c, t10);
  if (QUADS > 1u) {
    store(base, row + r, column + c + across, t01);
    store(base, row + r + TILE / 2u, column + c + across, t11);
  }
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
