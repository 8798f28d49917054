// Gradient of global average pooling: dx[n,pixel,c] = dy[n,c] / pixels. dy [n,4*c4], dx [n,pixels,4*c4]. One invocation: one vec4.
const WG: u32 = 64u;

struct Params { n: u32, pixels: u32, c4: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.n * params.pixels * params.c4) { return; }
  let c = i % params.c4;
  let n = i / (params.c4 * params.pixels);
  dx[i] = dy[n * params.c4 + c] / f32(params.pixels);
}
