// Products of matrices that fit a core's cache, by what every CPU has: vectors of 16 bytes.
#include "levels.h"
#define ROWS 2
#define VECTORS 1
#pragma clang fp contract(fast)

#define NAME(x) rounded_##x
#define STEP_INPUTS 1
#define IN_ROW(x, n) as_bfloat16(LOAD(x, n))
#define IN_COLUMNS(a, b) as_bfloat16(a)
#define DOT(sums, row, b) ((sums) + (row) * (b))
#include "small_product.h"

const GraftSmallProducts graft_baseline_rounded_products = {rounded_small_scratch, rounded_small_multiply};
