// y = x * keep / (1 - p), keep drawn for each element: the forward, and on dy the backward, since the same counters draw the same mask.
// state = [seed, step]; `stream_id` tells this layer and pass. Four elements of a vec4 share one Philox block. `count` in vec4.
// Each workgroup owns WG*STEPS consecutive vec4, so that memory is read in long runs.
const WG: u32 = 64u;
const STEPS: u32 = 16u;

struct Params { count: u32, stream_id: u32, p: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn mul_high(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
  // The sum may pass 2^32 nowhere: al*bh <= (2^16-1)^2 and the low half adds less than 2^16.
  let cross = al * bh + (middle & 0xffffu);
  return ah * bh + (middle >> 16u) + (cross >> 16u);
}

// Philox-4x32-10 (Salmon et al. 2011), the same numbers as engine/rng.ts.
fn philox(key_in: vec2u, counter: vec4u) -> vec4u {
  var key = key_in;
  var c = counter;
  for (var round = 0u; round < 10u; round++) {
    let h0 = mul_high(0xd2511f53u, c.x);
    let h1 = mul_high(0xcd9e8d57u, c.z);
    c = vec4u(h1 ^ c.y ^ key.x, 0xcd9e8d57u * c.z, h0 ^ c.w ^ key.y, 0xd2511f53u * c.x);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let begin = (wid.y * nwg.x + wid.x) * WG * STEPS + lid;
  let end = min(begin + WG * STEPS, params.count);
  for (var i = begin; i < end; i += WG) {
    let bits = philox(vec2u(state[0], params.stream_id), vec4u(i, state[1], 0u, 0u));
    let uniform_draw = vec4f(bits >> vec4u(8u)) * 0x1p-24f;
    y[i] = select(vec4f(), x[i] / (1.0 - params.p), uniform_draw >= vec4f(params.p));
  }
}
