#pragma once
#include "CAdamW.h"

extern const GraftAdamWKernel graft_adamw_baseline;
extern const GraftAdamWKernel graft_adamw_avx2;
extern const GraftAdamWKernel graft_adamw_avx512;
