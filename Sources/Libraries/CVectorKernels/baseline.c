#include "levels.h"
#pragma clang fp contract(fast)
#include "table.h"

const GraftVectorKernels graft_baseline_kernels = GRAFT_TABLE("baseline");
