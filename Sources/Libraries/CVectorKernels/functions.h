// Transcendental functions of 16 floats.
#pragma once
#include "GraftVector.h"

// exp(high + low) for a small `low`, which refines `high`; at most e⁸⁸, and 0 below the smallest normal number.
// Cody & Waite's reduction to |r| ≤ ln 2 / 2 and the polynomial of Cephes' expf.
INLINE vf exp_of_sum(vf high, vf low) {
  const float magic = 0x1.8p23f;  // adding it rounds to the nearest integer, which stands in the low bits
  vi tiny = high < -87.3f;
  high = minimum(splat(88), high);  // in this order, which keeps a NaN
  vf shifted = high * 0x1.715476p0f + magic;
  vf n = shifted - magic;
  vf r = high - n * 0.693359375f + n * 2.12194440e-4f + low;
  vf p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1;
  vf power = (vf)(((vi)shifted << 23) + 0x3F800000);
  return choose(tiny, splat(0), p * power);
}

INLINE vf exp_vector(vf x) { return exp_of_sum(x, splat(0)); }

// exp(−x² / 2), with the bits of x² that one float cannot hold.
INLINE vf bell(vf x) {
  vf head = (vf)((vi)x & (int32_t)0xFFFFF000);
  return exp_of_sum(head * head * -0.5f, (x - head) * (x + head) * -0.5f);
}

// Φ(x), given bell(x). The tail Φ(−z) = bell(z) · R(z); R is fitted on 0 ≤ z ≤ 13.5, up to where the bell
// underflows, by a polynomial in (z − 3) / (z + 3) with a relative error of 7e-9.
INLINE vf normal_distribution(vf x, vf bell_of_x) {
  vf z = minimum(absolute(x), splat(14));
  vf q = (z - 3) / (z + 3);
  vf p = splat(5.41508707e-05f);
  p = p * q + 0.000116037401f;
  p = p * q - 0.000339911348f;
  p = p * q - 0.000984182814f;
  p = p * q + 0.00290470268f;
  p = p * q + 0.00613218313f;
  p = p * q - 0.0462133139f;
  p = p * q + 0.123225018f;
  p = p * q - 0.206402615f;
  p = p * q + 0.121513948f;
  vf tail = p * bell_of_x;
  return choose(x < 0, tail, 1 - tail);
}

// σ(x) = 1 / (1 + exp(−x)) and its slope σ(x) σ(−x), without cancellation on either side.
typedef struct {
  vf value, slope;
} Sigmoid;

INLINE Sigmoid sigmoid(vf x) {
  vf e = exp_vector(-absolute(x));
  vf inverse = 1 / (1 + e);
  vf tail = e * inverse;
  return (Sigmoid){.value = choose(x < 0, tail, inverse), .slope = tail * inverse};
}

// Cephes' tanhf: a polynomial near 0, where the exponential would cancel.
INLINE vf tanh_vector(vf x) {
  vf z = absolute(x);
  vf far = 1 - 2 / (exp_vector(z + z) + 1);
  vf s = x * x;
  vf p = splat(-5.70498872745e-3f);
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  vf near = x + x * s * p;
  vf signed_far = (vf)((vi)far | ((vi)x & (int32_t)0x80000000));
  return choose(z < 0.625f, near, signed_far);
}

// Twice the argument of GELU's tanh, whose ½ (1 + tanh u) is σ(2u). Beyond 16 all is flat.
INLINE vf gelu_tanh_argument(vf x) { return 1.5957691216057308f * (x + 0.044715f * x * x * x); }
INLINE vf clamp_to_16(vf x) { return maximum(minimum(x, splat(16)), splat(-16)); }

INLINE vf activation_value(GraftActivation activation, vf x) {
  switch (activation) {
  case GraftGELU: return x * normal_distribution(x, bell(x));
  case GraftGELUTanh: return x * sigmoid(gelu_tanh_argument(clamp_to_16(x))).value;
  case GraftReLU: return maximum(x, splat(0));
  case GraftTanh: return tanh_vector(x);
  case GraftSigmoid: return sigmoid(x).value;
  case GraftSiLU: return x * sigmoid(x).value;
  case GraftQuickGELU: return x * sigmoid(1.702f * x).value;
  }
}

INLINE vf activation_slope(GraftActivation activation, vf x) {
  switch (activation) {
  case GraftGELU: {
    vf b = bell(x);
    return normal_distribution(x, b) + x * b * 0.3989422804014327f;
  }
  case GraftGELUTanh: {
    x = clamp_to_16(x);
    Sigmoid s = sigmoid(gelu_tanh_argument(x));
    return s.value + x * s.slope * (1.5957691216057308f * (1 + 3 * 0.044715f * x * x));
  }
  case GraftReLU: return choose(x > 0, splat(1), splat(0));
  case GraftSigmoid: return sigmoid(x).slope;
  case GraftSiLU: {
    Sigmoid s = sigmoid(x);
    return s.value + x * s.slope;
  }
  case GraftQuickGELU: {
    Sigmoid s = sigmoid(1.702f * x);
    return s.value + 1.702f * x * s.slope;
  }
  case GraftTanh: {
    vf e = exp_vector(-2 * absolute(x));
    return 4 * e / ((1 + e) * (1 + e));
  }
  }
}
