// Sixteen vectors as a matrix.
#pragma once
#include "GraftVector.h"

// Columns become rows: exchanges halves of rows, then quarters, eighths and single numbers.
INLINE void transpose(vf *x) {
#define EXCHANGE(step, first, second) \
  UNROLLED for (int i = 0; i < WIDTH; i++) { \
    if (i & step) continue; \
    const vf a = x[i], b = x[i + step]; \
    x[i] = (vf)__builtin_shufflevector(a, b, first); \
    x[i + step] = (vf)__builtin_shufflevector(a, b, second); \
  }
#define LANES_OF(...) __VA_ARGS__
  EXCHANGE(
    8, LANES_OF(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
    LANES_OF(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
  EXCHANGE(
    4, LANES_OF(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
    LANES_OF(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
  EXCHANGE(
    2, LANES_OF(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
    LANES_OF(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
  EXCHANGE(
    1, LANES_OF(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
    LANES_OF(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
#undef EXCHANGE
#undef LANES_OF
}
