#pragma once
#include <math.h>

#include "functions.h"

// A running sum of many floats: 16 lanes for a few hundred values, then double precision.
typedef struct {
  vf lanes;
  double total;
  int turns;
} Sum;

INLINE void sum_add(Sum *s, vf x) {
  s->lanes += x;
  if (++s->turns == 32) {
    s->total += sum(s->lanes);
    s->lanes = splat(0);
    s->turns = 0;
  }
}

INLINE double sum_total(const Sum *s) { return s->total + sum(s->lanes); }

// The places below n, for what must not count in a last vector.
INLINE vi below(long n) {
  const vi lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lanes < (int32_t)n;
}

static void layer_norm(
  const float *x, const float *weight, const float *bias, float epsilon, float *y, float *statistics, long rows,
  long columns
) {
  for (long r = 0; r < rows; r++, x += columns, y += columns, statistics += 2) {
    Sum s = {};
    FOR_EACH_VECTOR(i, n, columns) sum_add(&s, LOAD(x + i, n));
    const float mean = (float)(sum_total(&s) / (double)columns);
    Sum squares = {};
    FOR_EACH_VECTOR(i, n, columns) {
      vf d = choose(below(n), LOAD(x + i, n) - mean, splat(0));
      sum_add(&squares, d * d);
    }
    const float rstd = (float)(1 / sqrt(sum_total(&squares) / (double)columns + (double)epsilon));
    FOR_EACH_VECTOR(i, n, columns) {
      vf d = LOAD(x + i, n) - mean;
      STORE(y + i, d * rstd * LOAD(weight + i, n) + LOAD(bias + i, n), n);
    }
    statistics[0] = mean;
    statistics[1] = rstd;
  }
}

static void layer_norm_gradient(
  const float *x, const float *weight, const float *statistics, const float *dy, float *dx, float *d_weight,
  float *d_bias, long rows, long columns
) {
  for (long r = 0; r < rows; r++, x += columns, dy += columns, dx += columns, statistics += 2) {
    const float mean = statistics[0], rstd = statistics[1];
    Sum s = {}, sx = {};
    FOR_EACH_VECTOR(i, n, columns) {
      vf g = LOAD(dy + i, n) * LOAD(weight + i, n);
      vf normalized = (LOAD(x + i, n) - mean) * rstd;
      sum_add(&s, g);
      sum_add(&sx, g * normalized);
    }
    const float mean_g = (float)(sum_total(&s) / (double)columns);
    const float mean_gx = (float)(sum_total(&sx) / (double)columns);
    FOR_EACH_VECTOR(i, n, columns) {
      vf d = LOAD(dy + i, n);
      vf normalized = (LOAD(x + i, n) - mean) * rstd;
      STORE(d_weight + i, LOAD(d_weight + i, n) + d * normalized, n);
      STORE(d_bias + i, LOAD(d_bias + i, n) + d, n);
      STORE(dx + i, rstd * (d * LOAD(weight + i, n) - mean_g - normalized * mean_gx), n);
    }
  }
}

INLINE float row_maximum(const float *x, long columns) {
  vf m = splat(-INFINITY);
  FOR_EACH_VECTOR(i, n, columns) m = maximum(choose(below(n), LOAD(x + i, n), splat(-INFINITY)), m);
  return largest(m);
}

static void softmax(float *x, float scale, long rows, long columns) {
  for (long r = 0; r < rows; r++, x += columns) {
    const float m = row_maximum(x, columns);
    Sum s = {};
    FOR_EACH_VECTOR(i, n, columns) {
      vf e = exp_vector((LOAD(x + i, n) - m) * scale);
      sum_add(&s, choose(below(n), e, splat(0)));
      STORE(x + i, e, n);
    }
    const float inverse = (float)(1 / sum_total(&s));
    FOR_EACH_VECTOR(i, n, columns) STORE(x + i, LOAD(x + i, n) * inverse, n);
  }
}

static void softmax_gradient(const float *p, float *dp, float scale, long rows, long columns) {
  for (long r = 0; r < rows; r++, p += columns, dp += columns) {
    Sum s = {};
    FOR_EACH_VECTOR(i, n, columns) sum_add(&s, LOAD(p + i, n) * LOAD(dp + i, n));
    const float total = (float)sum_total(&s);
    FOR_EACH_VECTOR(i, n, columns) {
      STORE(dp + i, LOAD(p + i, n) * scale * (LOAD(dp + i, n) - total), n);
    }
  }
}

// A stretch of a row that stays in the first cache, so that it can be gone over twice.
enum { STRETCH = 2048 };

static void softmax_statistics(const float *x, double *statistics, long rows, long columns) {
  for (long r = 0; r < rows; r++, x += columns) {
    float m = -INFINITY;
    double total = 0;
    for (long start = 0; start < columns; start += STRETCH) {
      const long count = columns - start < STRETCH ? columns - start : STRETCH;
      const float here = row_maximum(x + start, count);
      if (here > m) {
        total *= exp((double)m - (double)here);
        m = here;
      }
      // Until there is a finite number, nothing is added up.
      const float shift = m > -INFINITY ? m : 0;
      Sum s = {};
      FOR_EACH_VECTOR(i, n, count) {
        sum_add(&s, choose(below(n), exp_vector(LOAD(x + start + i, n) - shift), splat(0)));
      }
      total += sum_total(&s);
    }
    statistics[2 * r] = (double)m;
    statistics[2 * r + 1] = total;
  }
}

static void cross_entropy_gradient(
  const float *logits, const int32_t *classes, const double *statistics, float scale, float *gradient, long rows,
  long columns
) {
  for (long r = 0; r < rows; r++, logits += columns, gradient += columns) {
    if (classes[r] < 0) {
      memset(gradient, 0, (size_t)columns * sizeof(float));
      continue;
    }
    const float m = (float)statistics[2 * r];
    const double total = statistics[2 * r + 1];
    // Beforehand, for `gradient` may be `logits`.
    const double of_class = exp((double)logits[classes[r]] - (double)m) / total - 1;
    const float factor = (float)((double)scale / total);
    FOR_EACH_VECTOR(i, n, columns) STORE(gradient + i, exp_vector(LOAD(logits + i, n) - m) * factor, n);
    gradient[classes[r]] = (float)(of_class * (double)scale);
  }
}
