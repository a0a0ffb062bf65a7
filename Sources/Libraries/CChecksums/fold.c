#include "CChecksums.h"

#if __x86_64__

#include <immintrin.h>

// Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009.
#define FOLDING __attribute__((target("pclmul")))
#define WIDE_FOLDING __attribute__((target("pclmul,avx512f,vpclmulqdq")))

/// What has the remainder of a lane that stands so many bits before another, and of that other.
FOLDING static inline __m128i folded(__m128i lane, __m128i keys, __m128i other) {
  __m128i low = _mm_clmulepi64_si128(lane, keys, 0x00);
  __m128i high = _mm_clmulepi64_si128(lane, keys, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), other);
}

FOLDING static inline __m128i joined(const __m128i *lanes, int count, const uint64_t *keys) {
  __m128i near = _mm_loadu_si128((const __m128i *)keys);
  __m128i sum = lanes[0];
  for (int lane = 1; lane < count; lane++) sum = folded(sum, near, lanes[lane]);
  return sum;
}

FOLDING static void fold(const uint64_t keys[6], uint32_t state, const void *bytes, size_t count, void *shortened) {
  const __m128i *next = bytes;
  const __m128i *end = next + count / sizeof(__m128i);
  __m128i far = _mm_loadu_si128((const __m128i *)(keys + 2));
  __m128i lanes[4];
  for (int lane = 0; lane < 4; lane++) lanes[lane] = _mm_loadu_si128(next++);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128((int)state));
  while (next < end) {
    for (int lane = 0; lane < 4; lane++) lanes[lane] = folded(lanes[lane], far, _mm_loadu_si128(next++));
  }
  _mm_storeu_si128(shortened, joined(lanes, 4, keys + 4));
}

/// Four lanes in each vector.
WIDE_FOLDING static void fold_wide(
    const uint64_t keys[6], uint32_t state, const void *bytes, size_t count, void *shortened) {
  const char *next = bytes;
  const char *end = next + count;
  __m512i far = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)keys));
  __m512i vectors[4];
  for (int index = 0; index < 4; index++, next += 64) vectors[index] = _mm512_loadu_si512(next);
  vectors[0] = _mm512_xor_si512(vectors[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)state)));
  while (next < end) {
    for (int index = 0; index < 4; index++, next += 64) {
      __m512i low = _mm512_clmulepi64_epi128(vectors[index], far, 0x00);
      __m512i high = _mm512_clmulepi64_epi128(vectors[index], far, 0x11);
      vectors[index] = _mm512_xor_si512(_mm512_xor_si512(low, high), _mm512_loadu_si512(next));
    }
  }
  __m128i lanes[16];
  for (int index = 0; index < 4; index++) _mm512_storeu_si512(lanes + 4 * index, vectors[index]);
  _mm_storeu_si128(shortened, joined(lanes, 16, keys + 4));
}

size_t graft_fold_block(void) {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq")) return 256;
  return __builtin_cpu_supports("pclmul") ? 64 : 0;
}

void graft_fold(
    const uint64_t keys[6], uint32_t state, const void *bytes, size_t count, size_t block, void *shortened) {
  (block == 256 ? fold_wide : fold)(keys, state, bytes, count, shortened);
}

#else

size_t graft_fold_block(void) { return 0; }

void graft_fold(
    const uint64_t keys[6], uint32_t state, const void *bytes, size_t count, size_t block, void *shortened) {}

#endif
