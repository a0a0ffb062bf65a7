// The kernel, compiled for the instructions that the including file asks for.
#include "CAdamW.h"
#include "GraftVector.h"

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
