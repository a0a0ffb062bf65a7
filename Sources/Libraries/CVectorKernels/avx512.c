#include "levels.h"
#if __x86_64__
#include <immintrin.h>
#define GRAFT_AVX512 1
#pragma clang attribute push( \
  __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512cd,avx2,fma,bmi,bmi2"))), apply_to = function)
#pragma clang fp contract(fast)
#define ATTENTION_ROWS 6
#define ATTENTION_VECTORS 4
#include "table.h"
#pragma clang attribute pop

const GraftVectorKernels graft_avx512_kernels = GRAFT_TABLE;
#endif
