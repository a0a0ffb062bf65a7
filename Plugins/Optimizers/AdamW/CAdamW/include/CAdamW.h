#pragma once
#include "CVectorKernels.h"

/// The numbers of one AdamW step, the same for every weight of a parameter.
typedef struct {
  float learning_rate, beta1, beta2, epsilon, weight_decay, bias_correction1, bias_correction2, gradient_scale;
} GraftAdamW;

/// Updates `count` weights and their moments in place. `rounded`, unless it is null, receives the new weights in
/// bfloat16.
typedef void (*GraftAdamWKernel)(
  const GraftAdamW *, float *weights, const float *gradient, float *first_moment, float *second_moment,
  uint16_t *rounded, long count);

/// The kernel of a level, or null where it is not compiled or the CPU lacks it.
GraftAdamWKernel graft_adamw_kernel(GraftLevel level);
