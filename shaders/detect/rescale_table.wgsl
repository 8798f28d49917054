// Where the rescaled entropy passes from one grey value to the next: limits[k] = (2k+1)/510 * (max - min) for k = 0..254, as
// (hi, lo, 1 if the division has no remainder, 0), then limits[255] = (min hi, min lo, range hi, range lo).
// One invocation: partials are few.
struct Params { shares: u32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> limits: array<vec4u>;
@group(0) @binding(2) var<uniform> params: Params;

fn less(a: vec2u, b: vec2u) -> bool { return a.x < b.x || (a.x == b.x && a.y < b.y); }

// (range * factor) / 510 by 16 bits at a time: range < 2^64, factor < 2^9.
fn scaled(range: vec2u, factor: u32) -> vec4u {
  var digits = array<u32, 5>();
  let low = array<u32, 4>(range.y & 0xffffu, range.y >> 16u, range.x & 0xffffu, range.x >> 16u);
  var carry = 0u;
  for (var i = 0; i < 4; i++) {
    let product = low[i] * factor + carry;
    digits[i] = product & 0xffffu;
    carry = product >> 16u;
  }
  digits[4] = carry;
  var rest = 0u;
  for (var i = 4; i >= 0; i--) {
    let part = (rest << 16u) | digits[i];
    digits[i] = part / 510u;
    rest = part % 510u;
  }
  return vec4u((digits[3] << 16u) | digits[2], (digits[1] << 16u) | digits[0], select(0u, 1u, rest == 0u), 0u);
}

@compute @workgroup_size(1)
fn main() {
  var least = partials[0].xy;
  var most = partials[0].zw;
  for (var i = 1u; i < params.shares; i++) {
    let p = partials[i];
    if (less(p.xy, least)) { least = p.xy; }
    if (less(most, p.zw)) { most = p.zw; }
  }
  let range = vec2u(most.x - least.x - select(0u, 1u, most.y < least.y), most.y - least.y);
  for (var k = 0u; k < 255u; k++) { limits[k] = scaled(range, 2u * k + 1u); }
  limits[255] = vec4u(least, range);
}
