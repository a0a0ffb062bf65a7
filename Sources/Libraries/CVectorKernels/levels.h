#pragma once
#include "CVectorKernels.h"

extern const GraftVectorKernels graft_baseline_kernels;
extern const GraftVectorKernels graft_avx2_kernels;
extern const GraftVectorKernels graft_avx512_kernels;
