#include "levels.h"
#pragma clang fp contract(fast)
#include "adamw.h"

const GraftAdamWKernel graft_adamw_baseline = adamw;
