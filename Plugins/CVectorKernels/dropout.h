#pragma once
#include "vector.h"

// The high and the low words of 16 products.
INLINE void multiply(vu x, uint32_t factor, vu *high, vu *low) {
  vul wide = __builtin_convertvector(x, vul) * (uint64_t)factor;
  *high = __builtin_convertvector(wide >> 32, vu);
  *low = __builtin_convertvector(wide, vu);
}

// Philox4x32-10 (Salmon et al., SC 2011) for 16 successive blocks; words[j] gets word j of each.
INLINE void philox(uint32_t block, const uint32_t counter[3], const uint32_t key[2], vu words[4]) {
  const vu lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  vu a = lanes + block, b = (vu){} + counter[0], c = (vu){} + counter[1], d = (vu){} + counter[2];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    vu high_a, low_a, high_c, low_c;
    multiply(a, 0xD2511F53u, &high_a, &low_a);
    multiply(c, 0xCD9E8D57u, &high_c, &low_c);
    a = high_c ^ b ^ k0;
    b = low_c;
    c = high_a ^ d ^ k1;
    d = low_a;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  words[0] = a, words[1] = b, words[2] = c, words[3] = d;
}

#define ZIP_LOW(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b) \
  __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

static void dropout(
  const float *x, float *y, long count, float keep, uint32_t threshold, const uint32_t key[2],
  const uint32_t counter[3], uint32_t block
) {
  for (long i = 0; i < count; i += 4 * WIDTH, block += WIDTH) {
    vu words[4];
    philox(block, counter, key, words);
    // From word by word to block by block, the order of the stream.
    vu even_low = ZIP_LOW(words[0], words[2]), even_high = ZIP_HIGH(words[0], words[2]);
    vu odd_low = ZIP_LOW(words[1], words[3]), odd_high = ZIP_HIGH(words[1], words[3]);
    const vu stream[4] = {
      ZIP_LOW(even_low, odd_low), ZIP_HIGH(even_low, odd_low), ZIP_LOW(even_high, odd_high),
      ZIP_HIGH(even_high, odd_high)};
    for (int j = 0; j < 4 && i + j * WIDTH < count; j++) {
      const long at = i + j * WIDTH, n = count - at < WIDTH ? count - at : WIDTH;
      STORE(y + at, choose((vi)(stream[j] >= threshold), LOAD(x + at, n) * keep, splat(0)), n);
    }
  }
}
