// mask[n] = base[n] (1 without, see MASKED) with probability keep[label[n]], else 0: a sample stays or goes by its class. label u32 [n], keep f32
// [classes], base f32 [n], mask f32 [vector_pitch], zeros in its padding. state = [seed, step]; `stream_id` tells this draw from all others of the step. One invocation: one sample.
const WG: u32 = 64u;
const MASKED: bool = false;

struct Params { n: u32, vector_pitch: u32, stream_id: u32 }

@group(0) @binding(0) var<storage, read> label: array<u32>;
@group(0) @binding(1) var<storage, read> keep: array<f32>;
@group(0) @binding(2) var<storage, read> base: array<f32>;
@group(0) @binding(3) var<storage, read> state: array<u32>;
@group(0) @binding(4) var<storage, read_write> mask: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

fn mul_high(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
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
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let n = gid.x;
  if (n >= params.vector_pitch) { return; }
  if (n >= params.n) {
    mask[n] = 0.0;
    return;
  }
  let bits = philox(vec2u(state[0], params.stream_id), vec4u(n, state[1], 0u, 0u));
  var value = 1.0;
  if (MASKED) { value = base[n]; }
  mask[n] = select(0.0, value, f32(bits.x >> 8u) * 0x1p-24f < keep[label[n]]);
}
