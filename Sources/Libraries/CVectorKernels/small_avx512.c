// Products of matrices that fit a core's cache, by AVX-512, whose 32 registers hold the sums of 6 rows with 64 columns.
#include "levels.h"
#if __x86_64__
#include <immintrin.h>
#define GRAFT_AVX512 1
#define LEVEL "avx512f,avx512vl,avx512bw,avx512dq,avx512cd,avx2,fma,bmi,bmi2"
#define ROWS 6
#define VECTORS 4

#pragma clang attribute push(__attribute__((target(LEVEL))), apply_to = function)
#define NAME(x) float32_##x
#define STEP_INPUTS 1
#define IN_ROW(x, n) LOAD(x, n)
#define IN_COLUMNS(a, b) (a)
#define DOT(sums, row, b) (vf)_mm512_fmadd_ps((__m512)(row), (__m512)(b), (__m512)(sums))
#include "small_product.h"

#define NAME(x) rounded_##x
#define STEP_INPUTS 1
#define IN_ROW(x, n) as_bfloat16(LOAD(x, n))
#define IN_COLUMNS(a, b) as_bfloat16(a)
#define DOT(sums, row, b) (vf)_mm512_fmadd_ps((__m512)(row), (__m512)(b), (__m512)(sums))
#include "small_product.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(LEVEL ",avx512bf16"))), apply_to = function)
INLINE vf two_vectors(vf low, vf high) { return (vf)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low); }

INLINE vf in_row(const float *x, long n) {
  return two_vectors(LOAD(x, n < WIDTH ? n : WIDTH), n > WIDTH ? LOAD(x + WIDTH, n - WIDTH) : splat(0));
}

// The two numbers of each column beside one another.
INLINE vf in_columns(vf first, vf second) {
  const __m512i places = _mm512_set_epi16(
    31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
    16, 0);
  return (vf)_mm512_permutexvar_epi16(places, (__m512i)two_vectors(first, second));
}

#define NAME(x) bfloat16_##x
#define STEP_INPUTS 2
#define IN_ROW(x, n) in_row(x, n)
#define IN_COLUMNS(a, b) in_columns(a, b)
#define DOT(sums, row, b) (vf)_mm512_dpbf16_ps((__m512)(sums), (__m512bh)(row), (__m512bh)(b))
#include "small_product.h"
#pragma clang attribute pop

const GraftSmallProducts graft_avx512_float32_products = {float32_small_scratch, float32_small_multiply};
const GraftSmallProducts graft_avx512_rounded_products = {rounded_small_scratch, rounded_small_multiply};
const GraftSmallProducts graft_avx512_bfloat16_products = {bfloat16_small_scratch, bfloat16_small_multiply};
#endif
