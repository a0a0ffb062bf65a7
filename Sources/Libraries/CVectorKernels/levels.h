#pragma once
#include "CVectorKernels.h"

extern const GraftVectorKernels graft_baseline_kernels;
extern const GraftVectorKernels graft_avx2_kernels;
extern const GraftVectorKernels graft_avx512_kernels;

#if __x86_64__
// Whether VDPBF16PS multiplies faster than FMA, as AMD's does. Intel's multiplies twice as many numbers in four times as
// long: `doctor` on a Xeon of 2023 without AMX.
static inline bool has_fast_dpbf16(void) {
  return __builtin_cpu_supports("avx512bf16") && !__builtin_cpu_is("intel");
}
#endif

// Null where the level has no kernels for the type, or the CPU lacks instructions that they need beside the level's.
const GraftPanelKernels *graft_baseline_panel_kernels(GraftPanelType type);
const GraftPanelKernels *graft_avx2_panel_kernels(GraftPanelType type);
const GraftPanelKernels *graft_avx512_panel_kernels(GraftPanelType type);
