// Products with panels by AVX2: the sums of 6 rows with 16 outputs in registers.
#include "levels.h"
#if __x86_64__
#include <immintrin.h>
#define LANES 8
#define VECTORS 2
#define ROWS 6
#pragma clang fp contract(off)

#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#include "panel_steps.h"
#include "panel_kernels.h"

GRAFT_PANEL_FUNCTIONS(float32, STEP_FLOAT, STEP_FLOAT, 16, 0)
GRAFT_PANEL_FUNCTIONS(rounded, STEP_ROUNDED, STEP_ROUNDED, 16, 0)
// Two products of 16 bits make a sum of 32: products of 8 bits would be added in 16, which they overflow.
GRAFT_PANEL_FUNCTIONS(int8, STEP_WIDE, STEP_WIDE, 16, 0)

#define NAME(x) float32_##x
#define Sums __m256
#define Floats __m256_u
#define DOT(sums, row, b) _mm256_fmadd_ps(row, b, sums)
#define SPREAD(p) _mm256_set1_ps(*(const float *)(p))
#define READ(p) _mm256_loadu_ps((const float *)(p))
#define FLOATS(sums, row_scale, scales) (sums)
#define IS_QUANTIZED 0
#include "panel_product.h"

#define NAME(x) int8_##x
#define Sums __m256i
#define Floats __m256_u
#define DOT(sums, row, b) _mm256_add_epi32(sums, _mm256_madd_epi16(row, b))
#define SPREAD(p) _mm256_set1_epi32(*(const int32_t *)(p))
#define READ(p) _mm256_loadu_si256((const __m256i_u *)(p))
#define FLOATS(sums, row_scale, scales) \
  (_mm256_cvtepi32_ps(sums) * _mm256_set1_ps(row_scale) * _mm256_loadu_ps(scales))
#define IS_QUANTIZED 1
#include "panel_product.h"
#pragma clang attribute pop

static const GraftPanelKernels float32_kernels = GRAFT_PANEL_TABLE(float32, STEP_FLOAT, 16, float32_multiply);
static const GraftPanelKernels rounded_kernels = GRAFT_PANEL_TABLE(rounded, STEP_ROUNDED, 16, float32_multiply);
static const GraftPanelKernels int8_kernels = GRAFT_PANEL_TABLE(int8, STEP_WIDE, 16, int8_multiply);

const GraftPanelKernels *graft_avx2_panel_kernels(GraftPanelType type) {
  switch (type) {
  case GraftPanelFloat32: return &float32_kernels;
  case GraftPanelBFloat16: return &rounded_kernels;
  case GraftPanelInt8: return &int8_kernels;
  }
  return 0;
}
#endif
