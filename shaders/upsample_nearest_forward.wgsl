// Nearest up-sampling by a whole factor: y[n,oy,ox,c] = x[n, oy/factor, ox/factor, c]. x [n,h,w,4*c4], y [n,h*factor,w*factor,4*c4].
// One invocation: 4 channels of one output pixel.
const WG: u32 = 64u;

struct Params { n: u32, h: u32, w: u32, c4: u32, factor: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let oh = params.h * params.factor;
  let ow = params.w * params.factor;
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.n * oh * ow * params.c4) { return; }
  let c = i % params.c4;
  let ox = (i / params.c4) % ow;
  let rest = i / (params.c4 * ow);
  let oy = rest % oh;
  let n = rest / oh;
  y[i] = x[((n * params.h + oy / params.factor) * params.w + ox / params.factor) * params.c4 + c];
}
