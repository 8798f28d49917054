// Gradient of nearest up-sampling: dx[n,iy,ix,c] = sum of dy over the factor x factor block that came from it.
// dy [n,h*factor,w*factor,4*c4], dx [n,h,w,4*c4]. One invocation: 4 channels of one input pixel.
const WG: u32 = 64u;

struct Params { n: u32, h: u32, w: u32, c4: u32, factor: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * nwg.x + wid.x) * WG + lid;
  if (i >= params.n * params.h * params.w * params.c4) { return; }
  let c = i % params.c4;
  let ix = (i / params.c4) % params.w;
  let row = i / (params.c4 * params.w);
  let ow = params.w * params.factor;
  var sum = vec4f();
  for (var dyy = 0u; dyy < params.factor; dyy++) {
    for (var dxx = 0u; dxx < params.factor; dxx++) {
      sum += dy[((row * params.factor + dyy) * ow + ix * params.factor + dxx) * params.c4 + c];
    }
  }
  dx[i] = sum;
}
