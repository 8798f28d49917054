// Measures of each component, `fields` u32 per component, zero before: h - min_row, w - min_column, max_row + 1, max_column + 1, area,
// sum of grey values (low, high word), sum of the entropy's upper words (low, high word).
// parent as component_roots leaves it, number as object_number does; components past `most` are left out.
// grey: 4 u8 pixels per word; entropy [h, w]: upper words of local_entropy. One invocation per row; each run is added at once.
const WG: u32 = 64u;

struct Params { w: u32, h: u32, words: u32, most: u32, fields: u32 }

@group(0) @binding(0) var<storage, read> parent: array<u32>;
@group(0) @binding(1) var<storage, read> number: array<u32>;
@group(0) @binding(2) var<storage, read> grey: array<u32>;
@group(0) @binding(3) var<storage, read> entropy: array<u32>;
@group(0) @binding(4) var<storage, read_write> measures: array<atomic<u32>>;
@group(0) @binding(5) var<uniform> params: Params;

// Adds to a number of two words; the carry of the low word follows.
fn add_wide(at: u32, low: u32, high: u32) {
  let before = atomicAdd(&measures[at], low);
  let carry = select(0u, 1u, before > 0xffffffffu - low);
  atomicAdd(&measures[at + 1u], high + carry);
}

fn finish(node: u32, row: u32, first: u32, end: u32, sum: u32, entropy_low: u32, entropy_high: u32) {
  let n = number[node];
  if (n >= params.most) { return; }
  let at = n * params.fields;
  atomicMax(&measures[at], params.h - row);
  atomicMax(&measures[at + 1u], params.w - first);
  atomicMax(&measures[at + 2u], row + 1u);
  atomicMax(&measures[at + 3u], end);
  atomicAdd(&measures[at + 4u], end - first);
  add_wide(at + 5u, sum, 0u);
  add_wide(at + 7u, entropy_low, entropy_high);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (wid.y * nwg.x + wid.x) * WG + lid;
  if (row >= params.h) { return; }
  let base = 1u + row * params.w;
  var inside = false;
  var node = 0u;
  var first = 0u;
  var sum = 0u;
  var low = 0u;
  var high = 0u;
  for (var x = 0u; x < params.w; x++) {
    let p = parent[base + x];
    if (p == 0xffffffffu) {
      if (inside) { finish(node, row, first, x, sum, low, high); }
      inside = false;
    } else {
      if (!inside) {
        node = p;
        first = x;
        sum = 0u;
        low = 0u;
        high = 0u;
      }
      inside = true;
      sum += (grey[row * params.words + x / 4u] >> ((x % 4u) * 8u)) & 255u;
      let e = entropy[row * params.w + x];
      low += e;
      high += select(0u, 1u, low < e);
    }
  }
  if (inside) { finish(node, row, first, params.w, sum, low, high); }
}
