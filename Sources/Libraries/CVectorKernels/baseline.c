#include "levels.h"
#pragma clang fp contract(fast)
#define ATTENTION_ROWS 2
#define ATTENTION_VECTORS 1
#include "table.h"

const GraftVectorKernels graft_baseline_kernels = GRAFT_TABLE;
