// Microbenchmark: the adapter's multiply-add rate. Twelve chains c = c * a + b that do not depend on each other, so that the
// latency of one is hidden behind the others; a and b come from memory, so that nothing can be folded.
// seed [1] holds a and b in x and y; out [workgroups*WG] takes the sum of the chains, so that none can be left out.
// One invocation: `steps` loops of 8 steps of 12 chains, that is steps*96 multiply-adds (lavapipe ends loops after 65535 rounds).
const WG: u32 = 64u;
const FUSED: bool = false;

struct Params { steps: u32 }

@group(0) @binding(0) var<storage, read> seed: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn madd(c: f32, a: f32, b: f32) -> f32 {
  if (FUSED) { return fma(c, a, b); }
  return c * a + b;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  let a = seed[0].x;
  let b = seed[0].y;
  let start = f32(lid);
  var c0 = start; var c1 = start + 1.0; var c2 = start + 2.0; var c3 = start + 3.0;
  var c4 = start + 4.0; var c5 = start + 5.0; var c6 = start + 6.0; var c7 = start + 7.0;
  var c8 = start + 8.0; var c9 = start + 9.0; var c10 = start + 10.0; var c11 = start + 11.0;
  for (var step = 0u; step < params.steps; step++) {
    for (var k = 0u; k < 8u; k++) {
      c0 = madd(c0, a, b); c1 = madd(c1, a, b); c2 = madd(c2, a, b); c3 = madd(c3, a, b);
      c4 = madd(c4, a, b); c5 = madd(c5, a, b); c6 = madd(c6, a, b); c7 = madd(c7, a, b);
      c8 = madd(c8, a, b); c9 = madd(c9, a, b); c10 = madd(c10, a, b); c11 = madd(c11, a, b);
    }
  }
  out[i] = ((c0 + c1) + (c2 + c3)) + ((c4 + c5) + (c6 + c7)) + ((c8 + c9) + (c10 + c11));
}
