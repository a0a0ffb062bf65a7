#include "levels.h"
#if __x86_64__
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#pragma clang fp contract(fast)
#define ATTENTION_ROWS 6
#define ATTENTION_VECTORS 1
#include "table.h"
#pragma clang attribute pop

const GraftVectorKernels graft_avx2_kernels = GRAFT_TABLE;
#endif
