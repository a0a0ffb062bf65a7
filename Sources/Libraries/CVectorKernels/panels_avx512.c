// Products with panels by AVX-512, whose 32 registers hold the sums of 6 rows with 64 outputs.
#include "levels.h"
#if __x86_64__
#include <immintrin.h>
#define GRAFT_AVX512 1
#define LEVEL "avx512f,avx512vl,avx512bw,avx512dq,avx512cd,avx2,fma,bmi,bmi2"
#define LANES 16
#define VECTORS 4
#define ROWS 6
// Every level rounds alike: what is fused is said.
#pragma clang fp contract(off)

#pragma clang attribute push(__attribute__((target(LEVEL))), apply_to = function)
#include "panel_steps.h"
#include "panel_kernels.h"

GRAFT_PANEL_FUNCTIONS(float32, STEP_FLOAT, STEP_FLOAT, 64, 0)
GRAFT_PANEL_FUNCTIONS(rounded, STEP_ROUNDED, STEP_ROUNDED, 64, 0)
GRAFT_PANEL_FUNCTIONS(bfloat16, STEP_BFLOAT16, STEP_BFLOAT16, 64, 0)
GRAFT_PANEL_FUNCTIONS(int8, STEP_SHIFTED, STEP_SIGNED, 64, 128)

#define NAME(x) float32_##x
#define Sums __m512
#define Floats __m512_u
#define DOT(sums, row, b) _mm512_fmadd_ps(row, b, sums)
#define SPREAD(p) _mm512_set1_ps(*(const float *)(p))
#define READ(p) _mm512_loadu_ps(p)
#define FLOATS(sums, row_scale, scales) (sums)
#define IS_QUANTIZED 0
#include "panel_product.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(LEVEL ",avx512bf16"))), apply_to = function)
#define NAME(x) bfloat16_##x
#define Sums __m512
#define Floats __m512_u
#define DOT(sums, row, b) _mm512_dpbf16_ps(sums, (__m512bh)(row), (__m512bh)(b))
#define SPREAD(p) _mm512_set1_ps(*(const float *)(p))
#define READ(p) _mm512_loadu_ps(p)
#define FLOATS(sums, row_scale, scales) (sums)
#define IS_QUANTIZED 0
#include "panel_product.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(LEVEL ",avx512vnni"))), apply_to = function)
#define NAME(x) int8_##x
#define Sums __m512i
#define Floats __m512_u
#define DOT(sums, row, b) _mm512_dpbusd_epi32(sums, row, b)
#define SPREAD(p) _mm512_set1_epi32(*(const int32_t *)(p))
#define READ(p) _mm512_loadu_si512(p)
#define FLOATS(sums, row_scale, scales) \
  (_mm512_cvtepi32_ps(sums) * _mm512_set1_ps(row_scale) * _mm512_loadu_ps(scales))
#define IS_QUANTIZED 1
#include "panel_product.h"
#pragma clang attribute pop

static const GraftPanelKernels float32_kernels = GRAFT_PANEL_TABLE(float32, STEP_FLOAT, 64, float32_multiply);
static const GraftPanelKernels rounded_kernels = GRAFT_PANEL_TABLE(rounded, STEP_ROUNDED, 64, float32_multiply);
static const GraftPanelKernels bfloat16_kernels = GRAFT_PANEL_TABLE(bfloat16, STEP_BFLOAT16, 64, bfloat16_multiply);
static const GraftPanelKernels int8_kernels = GRAFT_PANEL_TABLE(int8, STEP_SHIFTED, 64, int8_multiply);

const GraftPanelKernels *graft_avx512_panel_kernels(GraftPanelType type, bool has_bf16) {
  switch (type) {
  case GraftPanelFloat32: return &float32_kernels;
  case GraftPanelBFloat16: return has_bf16 ? &bfloat16_kernels : &rounded_kernels;
  case GraftPanelInt8: return __builtin_cpu_supports("avx512vnni") ? &int8_kernels : 0;
  }
  return 0;
}
#endif
