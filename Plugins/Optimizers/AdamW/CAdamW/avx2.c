#include "levels.h"
#if __x86_64__
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#pragma clang fp contract(fast)
#include "adamw.h"
#pragma clang attribute pop

const GraftAdamWKernel graft_adamw_avx2 = adamw;
#endif
