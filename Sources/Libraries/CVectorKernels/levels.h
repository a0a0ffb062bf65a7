#pragma once
#include "CVectorKernels.h"

extern const GraftVectorKernels graft_baseline_kernels;
extern const GraftVectorKernels graft_avx2_kernels;
extern const GraftVectorKernels graft_avx512_kernels;

// Null where the level has no kernels for the type, or the CPU lacks instructions that they need beside the level's.
const GraftPanelKernels *graft_baseline_panel_kernels(GraftPanelType type);
const GraftPanelKernels *graft_avx2_panel_kernels(GraftPanelType type);
const GraftPanelKernels *graft_avx512_panel_kernels(GraftPanelType type);
