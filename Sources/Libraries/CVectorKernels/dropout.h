#pragma once
#include "GraftVector.h"

// Philox4x32-10 (Salmon et al., SC 2011) for 16 successive blocks: 64 words in the order of the stream.
//
// Words are the lower halves of 64 bits, ready for multiplication; the upper halves may hold anything.
INLINE void philox(uint32_t block, const uint32_t counter[3], const uint32_t key[2], vu words[4]) {
  const vu lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint64_t word = 0xFFFFFFFF;
  vul a = __builtin_convertvector(lanes + block, vul);
  vul b = (vul){} + counter[0], c = (vul){} + counter[1], d = (vul){} + counter[2];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    vul first = (a & word) * 0xD2511F53, second = (c & word) * 0xCD9E8D57;
    a = (second >> 32) ^ b ^ (uint64_t)k0;
    b = second;
    c = (first >> 32) ^ d ^ (uint64_t)k1;
    d = first;
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  vul ab = (a & word) | b << 32, cd = (c & word) | d << 32;
  typedef uint64_t half __attribute__((vector_size(64)));
  words[0] = (vu)(half)__builtin_shufflevector(ab, cd, 0, 16, 1, 17, 2, 18, 3, 19);
  words[1] = (vu)(half)__builtin_shufflevector(ab, cd, 4, 20, 5, 21, 6, 22, 7, 23);
  words[2] = (vu)(half)__builtin_shufflevector(ab, cd, 8, 24, 9, 25, 10, 26, 11, 27);
  words[3] = (vu)(half)__builtin_shufflevector(ab, cd, 12, 28, 13, 29, 14, 30, 15, 31);
}

static void dropout(
  const float *x, float *y, long count, float keep, uint32_t threshold, const uint32_t key[2],
  const uint32_t counter[3], uint32_t block
) {
  for (long i = 0; i < count; i += 4 * WIDTH, block += WIDTH) {
    vu words[4];
    philox(block, counter, key, words);
    for (int j = 0; j < 4 && i + j * WIDTH < count; j++) {
      const long at = i + j * WIDTH, n = count - at < WIDTH ? count - at : WIDTH;
      STORE(y + at, choose((vi)(words[j] >= threshold), LOAD(x + at, n) * keep, splat(0)), n);
    }
  }
}
