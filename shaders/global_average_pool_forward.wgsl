// Global average pooling: y[n,c] = mean over pixels of x[n,pixel,c]. x [n,pixels,4*c4], y [n,4*c4]. One invocation: 4 channels of one image.
const WG: u32 = 64u;

struct Params { n: u32, pixels: u32, c4: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.n * params.c4) { return; }
  let c = i % params.c4;
  let base = (i / params.c4) * params.pixels * params.c4 + c;
  var sum = vec4f();
  for (var p = 0u; p < params.pixels; p++) { sum += x[base + p * params.c4]; }
  y[i] = sum / f32(params.pixels);
}
