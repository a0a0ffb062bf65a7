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
  /// The same, and products of bfloat16 by VDPBF16PS.
  GraftLevelAVX512BF16 = 3,
} GraftLevel;

/// The highest level that this CPU and its operating system support.
GraftLevel graft_cpu_level(void);

/// The level whose kernels are the fastest on this CPU.
GraftLevel graft_best_level(void);

/// Whether the CPU multiplies bfloat16 numbers faster than floats: by AMX_BF16, which these kernels do not use, or by
/// AVX512_BF16 where it is not Intel's.
bool graft_cpu_gains_by_bfloat16(void);

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

/// Attention of one head in one sequence.
typedef struct {
  /// `[length, width]` each, from the head's first number of the first token on.
  const float *query;
  const float *key;
  const float *value;
  float *result;
  /// Elements from token to token of all four.
  long stride;
  long length;
  /// A multiple of 16.
  long width;
  float scale;
  /// How far a token sees in both directions; negative for its whole sequence.
  long window;
  /// Of the size that `attention_scratch` gives.
  float *scratch;
} GraftAttention;

/// The kernels of one level; what each computes is documented at the Swift protocol `Kernels`.
typedef struct {
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
  void (*attend)(const GraftAttention *attention);
  long (*attention_scratch)(long length, long width);
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

// MARK: Products with a weight that was packed beforehand

/// The type in which a product multiplies.
typedef enum {
  GraftPanelFloat32 = 0,
  GraftPanelBFloat16 = 1,
  /// Whole numbers of 8 bits, with exact sums.
  GraftPanelInt8 = 2,
} GraftPanelType;

/// A product of some rows with a panel: some outputs of a linear layer.
///
/// Rows and panels are divided into steps. A step of a row has four bytes: one float, two bfloat16, or two or four
/// whole numbers. A step of a panel has four bytes for each of its outputs.
typedef struct {
  /// As `convert` makes them; floats are read as they are.
  const void *rows;
  long row_count;
  /// Bytes from row to row.
  long row_stride;
  /// One for each row, for whole numbers.
  const float *row_scales;
  /// As `pack` makes it.
  const void *panel;
  /// A panel as large that is likely to be multiplied next, to be fetched meanwhile; null for none.
  const void *next;
  long steps;
  /// One of each for each output of the panel, for whole numbers.
  const float *scales;
  const int32_t *offsets;
  /// Added to each row of the result; null for none.
  const float *bias;
  float *result;
  /// Elements from row to row of the result.
  long result_stride;
  /// How many of the panel's outputs are wanted, from the first on.
  long columns;
} GraftPanelProduct;

/// The kernels of one type.
typedef struct {
  /// The outputs of a panel.
  long width;
  /// How many inputs a step has.
  long inputs_per_step;
  /// Packs the rows of a weight `[outputs, inputs]`, at most `width`; what is left of the panel becomes 0.
  ///
  /// `scales` and `offsets`, `width` of each, are written for whole numbers. The scale of a row that is not finite is
  /// not a number.
  void (*pack)(
    const float *weight, long outputs, long inputs, void *panel, float *scales, int32_t *offsets);
  /// Packs whole numbers that were rounded beforehand; not called for other types.
  void (*pack_numbers)(
    const int8_t *numbers, long outputs, long inputs, void *panel, int32_t *offsets);
  /// Converts rows, to `stride` bytes each. Floats may be read where they are instead.
  void (*convert)(const float *x, long rows, long inputs, void *y, long stride, float *scales);
  /// `result = rows · panelᵀ + bias`. Each element is added up in the order of the inputs, whatever the number of rows.
  void (*multiply)(const GraftPanelProduct *product);
} GraftPanelKernels;

/// The best kernels of a level for a type, or null where the level or the CPU has none.
const GraftPanelKernels *graft_panel_kernels(GraftLevel level, GraftPanelType type);

// MARK: Products of matrices that fit a core's cache

/// `C = op(A) · op(B)`, or `C += …`, on row-major matrices.
typedef struct {
  long m, n, k;
  bool transposes_a, transposes_b, accumulates;
  const float *a;
  /// Elements from row to row, here and below.
  long lda;
  const float *b;
  long ldb;
  float *c;
  long ldc;
  /// As many floats as `scratch` says.
  float *scratch;
} GraftSmallProduct;

/// The kernels of one type.
typedef struct {
  long (*scratch)(long m, long n, long k);
  void (*multiply)(const GraftSmallProduct *product);
} GraftSmallProducts;

/// The kernels of a level that multiply in float32 or bfloat16, with sums in float32; null where there are none.
const GraftSmallProducts *graft_small_products(GraftLevel level, bool in_bfloat16);
