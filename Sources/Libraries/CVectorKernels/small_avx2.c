// Products of matrices that fit a core's cache, by AVX2: the sums of 6 rows with 16 columns in registers.
#include "levels.h"
#if __x86_64__
#define ROWS 6
#define VECTORS 1
#pragma clang fp contract(fast)

#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#define NAME(x) rounded_##x
#define STEP_INPUTS 1
#define IN_ROW(x, n) as_bfloat16(LOAD(x, n))
#define IN_COLUMNS(a, b) as_bfloat16(a)
#define DOT(sums, row, b) ((sums) + (row) * (b))
#include "small_product.h"
#pragma clang attribute pop

const GraftSmallProducts graft_avx2_rounded_products = {rounded_small_scratch, rounded_small_multiply};
#endif
