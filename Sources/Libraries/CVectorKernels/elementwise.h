#pragma once
#include "functions.h"

static void add(const float *x, float *y, long count) {
  FOR_EACH_VECTOR(i, n, count) STORE(y + i, LOAD(y + i, n) + LOAD(x + i, n), n);
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
