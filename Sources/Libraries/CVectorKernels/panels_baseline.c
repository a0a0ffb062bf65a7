// Products with panels by what every CPU has: vectors of 16 bytes.
#include "levels.h"
#if __SSE2__
#include <emmintrin.h>
#endif
#define LANES 4
#define VECTORS 2
#define ROWS 6
#pragma clang fp contract(off)

#include "panel_steps.h"
#include "panel_kernels.h"

GRAFT_PANEL_FUNCTIONS(float32, STEP_FLOAT, STEP_FLOAT, 8, 0)
GRAFT_PANEL_FUNCTIONS(rounded, STEP_ROUNDED, STEP_ROUNDED, 8, 0)
GRAFT_PANEL_FUNCTIONS(int8, STEP_WIDE, STEP_WIDE, 8, 0)

typedef float Floats4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t Numbers4 __attribute__((vector_size(16), aligned(4), may_alias));

INLINE Floats4 spread_float(const void *p) { return *(const float *)p - (Floats4){}; }
INLINE Numbers4 spread_number(const void *p) { return *(const int32_t *)p - (Numbers4){}; }

INLINE Numbers4 dot_wide(Numbers4 sums, Numbers4 row, Numbers4 b) {
#if __SSE2__
  return sums + (Numbers4)_mm_madd_epi16((__m128i)row, (__m128i)b);
#else
  return sums + (row << 16 >> 16) * (b << 16 >> 16) + (row >> 16) * (b >> 16);
#endif
}

#define NAME(x) float32_##x
#define Sums Floats4
#define Floats Floats4
#define DOT(sums, row, b) ((sums) + (row) * (b))
#define SPREAD(p) spread_float(p)
#define READ(p) (*(const Floats4 *)(p))
#define FLOATS(sums, row_scale, scales) (sums)
#define IS_QUANTIZED 0
#include "panel_product.h"

#define NAME(x) int8_##x
#define Sums Numbers4
#define Floats Floats4
#define DOT(sums, row, b) dot_wide(sums, row, b)
#define SPREAD(p) spread_number(p)
#define READ(p) (*(const Numbers4 *)(p))
#define FLOATS(sums, row_scale, scales) \
  (__builtin_convertvector(sums, Floats4) * (row_scale) * *(const Floats4 *)(scales))
#define IS_QUANTIZED 1
#include "panel_product.h"

static const GraftPanelKernels float32_kernels = GRAFT_PANEL_TABLE(float32, STEP_FLOAT, 8, float32_multiply);
static const GraftPanelKernels rounded_kernels = GRAFT_PANEL_TABLE(rounded, STEP_ROUNDED, 8, float32_multiply);
static const GraftPanelKernels int8_kernels = GRAFT_PANEL_TABLE(int8, STEP_WIDE, 8, int8_multiply);

const GraftPanelKernels *graft_baseline_panel_kernels(GraftPanelType type) {
  switch (type) {
  case GraftPanelFloat32: return &float32_kernels;
  case GraftPanelBFloat16: return &rounded_kernels;
  case GraftPanelInt8: return &int8_kernels;
  }
  return 0;
}
