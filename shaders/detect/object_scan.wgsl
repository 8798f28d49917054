// starts[row] becomes the number of components that begin in the rows above; starts[h] their number in all. One invocation.
struct Params { h: u32 }

@group(0) @binding(0) var<storage, read_write> starts: array<u32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  var before = 0u;
  for (var row = 0u; row < params.h; row++) {
    let n = starts[row];
    starts[row] = before;
    before += n;
  }
  starts[params.h] = before;
}
