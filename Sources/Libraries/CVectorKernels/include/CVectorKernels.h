#pragma once
#include <stdbool.h>
#include <stdint.h>

/// Which instructions a set of kernels is compiled for.
typedef enum {
  GraftLevelBaseline = 0,
  /// x86-64-v3: AVX2 and FMA.
  GraftLevelAVX2 = 1,
  /// The AVX-512 of Skylake servers and later, Zen 4 and later: F, VL, BW, DQ, CD.
  GraftLevelAVX512 = 2,
} GraftLevel;

/// The best level this CPU and its operating system support.
GraftLevel graft_cpu_level(void);

/// Whether the CPU multiplies bfloat16 numbers: AVX512_BF16 or AMX_BF16.
bool graft_cpu_has_bfloat16(void);

typedef enum {
  GraftGELU = 0,
  GraftGELUTanh = 1,
  GraftReLU = 2,
  GraftTanh = 3,
  GraftSigmoid = 4,
  GraftSiLU = 5,
  GraftQuickGELU = 6,
} GraftActivation;

/// The functions that the tests compare with double precision, one by one.
typedef enum {
  GraftExp = 0,
  /// Φ(x), the normal distribution function.
  GraftNormalDistribution = 1,
  GraftTanhFunction = 2,
} GraftFunction;

/// The kernels of one level; what each computes is documented at the Swift protocol `Kernels`.
typedef struct {
  const char *name;
  void (*add)(const float *x, float *y, long count);
  /// To bfloat16.
  void (*round)(const float *x, uint16_t *y, long count);
  double (*squared_norm)(const float *x, long count);
  void (*add_bias)(const float *bias, float *y, long rows, long columns);
  void (*add_column_sums)(const float *x, long rows, long columns, float *sums);
  void (*activate)(GraftActivation, const float *x, float *y, long count);
  void (*activation_gradient)(GraftActivation, const float *x, const float *dy, float *dx, long count);
  void (*layer_norm)(
    const float *x, const float *weight, const float *bias, float epsilon, float *y, float *statistics,
    long rows, long columns);
  void (*layer_norm_gradient)(
    const float *x, const float *weight, const float *statistics, const float *dy, float *dx, float *d_weight,
    float *d_bias, long rows, long columns);
  void (*softmax)(float *x, float scale, long rows, long columns);
  void (*softmax_gradient)(const float *p, float *dp, float scale, long rows, long columns);
  void (*softmax_statistics)(const float *x, double *statistics, long rows, long columns);
  void (*cross_entropy_gradient)(
    const float *logits, const int32_t *classes, const double *statistics, float scale, float *gradient,
    long rows, long columns);
  /// `words` below `threshold` drop; `block` is the number of the stream's first four words.
  void (*dropout)(
    const float *x, float *y, long count, float keep, uint32_t threshold, const uint32_t key[2],
    const uint32_t counter[3], uint32_t block);
  void (*evaluate)(GraftFunction, const float *x, float *y, long count);
} GraftVectorKernels;

/// The kernels of a level, or null where they are not compiled or the CPU lacks it.
const GraftVectorKernels *graft_vector_kernels(GraftLevel level);
