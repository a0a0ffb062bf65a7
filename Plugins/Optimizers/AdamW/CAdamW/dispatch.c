#include "levels.h"

GraftAdamWKernel graft_adamw_kernel(GraftLevel level) {
  if (level > graft_cpu_level()) return 0;
  switch (level) {
  case GraftLevelBaseline: return graft_adamw_baseline;
#if __x86_64__
  case GraftLevelAVX2: return graft_adamw_avx2;
  case GraftLevelAVX512:
  case GraftLevelAVX512BF16: return graft_adamw_avx512;
#endif
  default: return 0;
  }
}
