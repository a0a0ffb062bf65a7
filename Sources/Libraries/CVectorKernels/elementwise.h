#pragma once
#include "functions.h"

static void add(const float *x, float *y, long count) {
  FOR_EACH_VECTOR(i, n, count) STORE(y + i, LOAD(y + i, n) + LOAD(x + i, n), n);
}

INLINE void store_rounded(uint16_t *p, vf x, long n) {
  vu bits = (vu)x;
  vu nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  vi is_nan = (vi)((bits & 0x7FFFFFFF) > 0x7F800000);
  vh rounded = __builtin_convertvector((vu)choose(is_nan, (vf)(bits >> 16 | 0x40), (vf)nearest), vh);
  memcpy(p, &rounded, (size_t)n * sizeof(uint16_t));
}

static void round_to_bfloat16(const float *x, uint16_t *y, long count) {
  FOR_EACH_VECTOR(i, n, count) store_rounded(y + i, LOAD(x + i, n), n);
}

static double squared_norm(const float *x, long count) {
  vd sums = {};
  FOR_EACH_VECTOR(i, n, count) {
    vd d = __builtin_convertvector(LOAD(x + i, n), vd);
    sums += d * d;
  }
  double total = 0;
  for (int i = 0; i < WIDTH; i++) total += sums[i];
  return total;
}

static void add_bias(const float *bias, float *y, long rows, long columns) {
  for (long r = 0; r < rows; r++) add(bias, y + r * columns, columns);
}

static void add_column_sums(const float *x, long rows, long columns, float *sums) {
  FOR_EACH_VECTOR(i, n, columns) {
    vf s = LOAD(sums + i, n);
    for (long r = 0; r < rows; r++) s += LOAD(x + r * columns + i, n);
    STORE(sums + i, s, n);
  }
}

INLINE void activate_as(GraftActivation activation, const float *x, float *y, long count) {
  FOR_EACH_VECTOR(i, n, count) STORE(y + i, activation_value(activation, LOAD(x + i, n)), n);
}

static void activate(GraftActivation activation, const float *x, float *y, long count) {
  switch (activation) {
  case GraftGELU: return activate_as(GraftGELU, x, y, count);
  case GraftGELUTanh: return activate_as(GraftGELUTanh, x, y, count);
  case GraftReLU: return activate_as(GraftReLU, x, y, count);
  case GraftTanh: return activate_as(GraftTanh, x, y, count);
  case GraftSigmoid: return activate_as(GraftSigmoid, x, y, count);
  case GraftSiLU: return activate_as(GraftSiLU, x, y, count);
  case GraftQuickGELU: return activate_as(GraftQuickGELU, x, y, count);
  }
}

INLINE void activation_gradient_as(
  GraftActivation activation, const float *x, const float *dy, float *dx, long count
) {
  FOR_EACH_VECTOR(i, n, count) {
    STORE(dx + i, LOAD(dy + i, n) * activation_slope(activation, LOAD(x + i, n)), n);
  }
}

static void activation_gradient(
  GraftActivation activation, const float *x, const float *dy, float *dx, long count
) {
  switch (activation) {
  case GraftGELU: return activation_gradient_as(GraftGELU, x, dy, dx, count);
  case GraftGELUTanh: return activation_gradient_as(GraftGELUTanh, x, dy, dx, count);
  case GraftReLU: return activation_gradient_as(GraftReLU, x, dy, dx, count);
  case GraftTanh: return activation_gradient_as(GraftTanh, x, dy, dx, count);
  case GraftSigmoid: return activation_gradient_as(GraftSigmoid, x, dy, dx, count);
  case GraftSiLU: return activation_gradient_as(GraftSiLU, x, dy, dx, count);
  case GraftQuickGELU: return activation_gradient_as(GraftQuickGELU, x, dy, dx, count);
  }
}

static void adamw(
  const GraftAdamW *update, float *weights, const float *gradient, float *first_moment, float *second_moment,
  uint16_t *rounded, long count
) {
  const GraftAdamW u = *update;
  const float decay = 1 - u.learning_rate * u.weight_decay;
  const float step = u.learning_rate / u.bias_correction1;
  const float root = __builtin_sqrtf(u.bias_correction2);
  FOR_EACH_VECTOR(i, n, count) {
    vf g = LOAD(gradient + i, n) * u.gradient_scale;
    vf m = LOAD(first_moment + i, n), v = LOAD(second_moment + i, n), w = LOAD(weights + i, n);
    m += (g - m) * (1 - u.beta1);
    v = v * u.beta2 + g * g * (1 - u.beta2);
    w = w * decay - step * m / (__builtin_elementwise_sqrt(v) / root + u.epsilon);
    STORE(first_moment + i, m, n);
    STORE(second_moment + i, v, n);
    STORE(weights + i, w, n);
    if (rounded) store_rounded(rounded + i, w, n);
  }
}

static void evaluate(GraftFunction function, const float *x, float *y, long count) {
  FOR_EACH_VECTOR(i, n, count) {
    vf v = LOAD(x + i, n);
    switch (function) {
    case GraftExp: v = exp_vector(v); break;
    case GraftNormalDistribution: v = normal_distribution(v, bell(v)); break;
    case GraftTanhFunction: v = tanh_vector(v); break;
    }
    STORE(y + i, v, n);
  }
}
