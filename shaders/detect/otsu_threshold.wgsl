// Otsu's threshold of grey values taken as real numbers (skimage.filters.threshold_otsu on a float image): 256 bins from the
// smallest to the largest value, the split of largest variance between classes, the first one if several; the threshold is the
// centre of its bin. out = (first grey value above the threshold, bin, smallest value, largest value); of a flat image 256.
// The variance is (s1 N - w1 S)^2 / (w1 w2) up to a factor, with w and s the counts and sums of bin numbers below (1) and above
// (2) the split: compared exactly, as whole numbers of up to 160 bits.
struct Params { copies: u32 }

@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

// Ten digits of 16 bits, lowest first.
alias Big = array<u32, 10>;

fn big(value: u32) -> Big {
  var y = Big();
  y[0] = value & 0xffffu;
  y[1] = value >> 16u;
  return y;
}

fn product(a: Big, b: Big) -> Big {
  var y = Big();
  for (var i = 0; i < 10; i++) {
    var carry = 0u;
    for (var j = 0; i + j < 10; j++) {
      // 16 x 16 bits plus two 16-bit numbers fit 32 bits.
      let t = a[i] * b[j] + y[i + j] + carry;
      y[i + j] = t & 0xffffu;
      carry = t >> 16u;
    }
  }
  return y;
}

fn sum(a: Big, b: Big) -> Big {
  var y = Big();
  var carry = 0u;
  for (var i = 0; i < 10; i++) {
    let t = a[i] + b[i] + carry;
    y[i] = t & 0xffffu;
    carry = t >> 16u;
  }
  return y;
}

fn greater(a: Big, b: Big) -> bool {
  for (var i = 9; i >= 0; i--) {
    if (a[i] != b[i]) { return a[i] > b[i]; }
  }
  return false;
}

// |a - b|
fn distance(a: Big, b: Big) -> Big {
  var large = a;
  var small = b;
  if (greater(b, a)) { large = b; small = a; }
  var y = Big();
  var borrow = 0u;
  for (var i = 0; i < 10; i++) {
    let t = large[i] + 65536u - small[i] - borrow;
    y[i] = t & 0xffffu;
    borrow = 1u - (t >> 16u);
  }
  return y;
}

@compute @workgroup_size(1)
fn main() {
  var values = array<u32, 256>();
  var least = 256u;
  var most = 0u;
  for (var v = 0u; v < 256u; v++) {
    for (var c = 0u; c < params.copies; c++) { values[v] += counts[c * 256u + v]; }
    if (values[v] > 0u) {
      least = min(least, v);
      most = v;
    }
  }
  if (most <= least) {
    out[0] = 256u; out[1] = 0u; out[2] = least; out[3] = most;
    return;
  }
  let range = most - least;
  var bins = array<u32, 256>();
  var count = 0u;
  var all = Big();
  for (var v = least; v <= most; v++) {
    let bin = min((v - least) * 256u / range, 255u);
    bins[bin] += values[v];
    count += values[v];
    all = sum(all, product(big(values[v]), big(bin)));
  }
  var below = 0u;
  var below_sum = Big();
  var best = 0u;
  var best_square = Big();
  var best_weights = big(1u);
  for (var bin = 0u; bin < 255u; bin++) {
    if (bins[bin] == 0u && bin > 0u) { continue; }
    below += bins[bin];
    below_sum = sum(below_sum, product(big(bins[bin]), big(bin)));
    let d = distance(product(below_sum, big(count)), product(all, big(below)));
    let square = product(d, d);
    let weights = product(big(below), big(count - below));
    if (bin == 0u || greater(product(square, best_weights), product(best_square, weights))) {
      best = bin;
      best_square = square;
      best_weights = weights;
    }
  }
  // First whole number above least + (best + 1/2) * range / 256.
  out[0] = least + (2u * best + 1u) * range / 512u + 1u;
  out[1] = best;
  out[2] = least;
  out[3] = most;
}
