#include "levels.h"

GraftLevel graft_cpu_level(void) {
#if __x86_64__
  // These ask the operating system, too, whether it keeps the wide registers.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2")) {
    return GraftLevelBaseline;
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512cd")) {
    return GraftLevelAVX512;
  }
  return GraftLevelAVX2;
#else
  return GraftLevelBaseline;
#endif
}

bool graft_cpu_gains_by_bfloat16(void) {
#if __x86_64__
  return has_fast_dpbf16() || __builtin_cpu_supports("amx-bf16");
#else
  return false;
#endif
}

const GraftVectorKernels *graft_vector_kernels(GraftLevel level) {
  if (level > graft_cpu_level()) return 0;
  switch (level) {
  case GraftLevelBaseline: return &graft_baseline_kernels;
#if __x86_64__
  case GraftLevelAVX2: return &graft_avx2_kernels;
  case GraftLevelAVX512: return &graft_avx512_kernels;
#endif
  default: return 0;
  }
}

const GraftPanelKernels *graft_panel_kernels(GraftLevel level, GraftPanelType type) {
  if (level > graft_cpu_level()) return 0;
  const GraftPanelKernels *kernels = 0;
#if __x86_64__
  if (level >= GraftLevelAVX512) kernels = graft_avx512_panel_kernels(type);
  if (!kernels && level >= GraftLevelAVX2) kernels = graft_avx2_panel_kernels(type);
#endif
  return kernels ? kernels : graft_baseline_panel_kernels(type);
}
