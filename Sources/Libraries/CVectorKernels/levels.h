#pragma once
#include "CVectorKernels.h"

extern const GraftVectorKernels graft_baseline_kernels;
extern const GraftVectorKernels graft_avx2_kernels;
extern const GraftVectorKernels graft_avx512_kernels;

const GraftPanelKernels *graft_baseline_panel_kernels(GraftPanelType type);
#if __x86_64__
const GraftPanelKernels *graft_avx2_panel_kernels(GraftPanelType type);
// Null where the CPU lacks VNNI, for whole numbers.
const GraftPanelKernels *graft_avx512_panel_kernels(GraftPanelType type, bool has_bf16);
#endif

// Numbers are rounded to bfloat16 and multiplied as floats, but in the last two.
extern const GraftSmallProducts graft_baseline_rounded_products;
extern const GraftSmallProducts graft_avx2_rounded_products;
extern const GraftSmallProducts graft_avx512_rounded_products;
extern const GraftSmallProducts graft_avx512_bfloat16_products;
extern const GraftSmallProducts graft_avx512_float32_products;
