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
    return __builtin_cpu_supports("avx512bf16") ? GraftLevelAVX512BF16 : GraftLevelAVX512;
  }
  return GraftLevelAVX2;
#else
  return GraftLevelBaseline;
#endif
}

GraftLevel graft_best_level(void) {
  const GraftLevel level = graft_cpu_level();
#if __x86_64__
  // Intel's VDPBF16PS multiplies twice as many numbers as an FMA in four times as long, measured on a Xeon of 2023.
  if (level == GraftLevelAVX512BF16 && __builtin_cpu_is("intel")) return GraftLevelAVX512;
#endif
  return level;
}

bool graft_cpu_gains_by_bfloat16(void) {
#if __x86_64__
  return graft_best_level() == GraftLevelAVX512BF16 || __builtin_cpu_supports("amx-bf16");
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
  case GraftLevelAVX512:
  case GraftLevelAVX512BF16: return &graft_avx512_kernels;
#endif
  default: return 0;
  }
}

const GraftPanelKernels *graft_panel_kernels(GraftLevel level, GraftPanelType type) {
  if (level > graft_cpu_level()) return 0;
  const GraftPanelKernels *kernels = 0;
#if __x86_64__
  if (level >= GraftLevelAVX512) kernels = graft_avx512_panel_kernels(type, level >= GraftLevelAVX512BF16);
  if (!kernels && level >= GraftLevelAVX2) kernels = graft_avx2_panel_kernels(type);
#endif
  return kernels ? kernels : graft_baseline_panel_kernels(type);
}

const GraftSmallProducts *graft_small_products(GraftLevel level, bool in_bfloat16) {
  if (level > graft_cpu_level()) return 0;
  switch (level) {
  case GraftLevelBaseline: return in_bfloat16 ? &graft_baseline_rounded_products : 0;
#if __x86_64__
  case GraftLevelAVX2: return in_bfloat16 ? &graft_avx2_rounded_products : 0;
  case GraftLevelAVX512: return in_bfloat16 ? &graft_avx512_rounded_products : &graft_avx512_float32_products;
  case GraftLevelAVX512BF16: return in_bfloat16 ? &graft_avx512_bfloat16_products : &graft_avx512_float32_products;
#endif
  default: return 0;
  }
}
