#include "CCRC32C.h"

#include <string.h>

#if __x86_64__

bool graft_has_crc32c(void) { return __builtin_cpu_supports("sse4.2"); }

__attribute__((target("sse4.2"))) uint32_t graft_crc32c(uint32_t state, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  uint64_t wide = state;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  state = (uint32_t)wide;
  for (; count > 0; count--, next++) state = __builtin_ia32_crc32qi(state, *next);
  return state;
}

#else

bool graft_has_crc32c(void) { return false; }

uint32_t graft_crc32c(uint32_t state, const void *bytes, size_t count) { return state; }

#endif
