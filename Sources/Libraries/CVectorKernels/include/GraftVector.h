// Vectors of 16 floats, whatever the CPU's registers hold: every level adds up in the same order.
//
// For C files that are compiled for one instruction set, and for AVX-512 define GRAFT_AVX512 first; no part of the
// module that Swift sees.
#pragma once
#include <stdint.h>
#include <string.h>

enum { WIDTH = 16 };

typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef uint32_t vu __attribute__((vector_size(64)));
typedef uint16_t vh __attribute__((vector_size(32)));
typedef double vd __attribute__((vector_size(128)));
typedef uint64_t vul __attribute__((vector_size(128)));
typedef float vf_unaligned __attribute__((vector_size(64), aligned(4), may_alias));

// Vectors wider than the registers are passed in memory, in a way that two compilers may not agree on; here
// every function that takes one is inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("clang loop unroll(full)")

INLINE vf splat(float x) { return x - (vf){}; }
INLINE vf load(const float *p) { return *(const vf_unaligned *)p; }
INLINE void store(float *p, vf x) { *(vf_unaligned *)p = x; }

// The first n of 16; the others are 0.
INLINE vf load_part(const float *p, long n) {
#if GRAFT_AVX512
  return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
  vf x = {};
  memcpy(&x, p, (size_t)n * sizeof(float));
  return x;
#endif
}

INLINE void store_part(float *p, vf x, long n) {
#if GRAFT_AVX512
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
#else
  memcpy(p, &x, (size_t)n * sizeof(float));
#endif
}

// The first bytes of a vector. A copy of a size that is known is one instruction, and any other a call.
#define STORE_BYTES(p, x, bytes) \
  do { \
    if ((bytes) == sizeof(x)) memcpy(p, &(x), sizeof(x)); \
    else memcpy(p, &(x), (size_t)(bytes)); \
  } while (0)

INLINE vf choose(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
INLINE vf maximum(vf a, vf b) { return choose(a > b, a, b); }
INLINE vf minimum(vf a, vf b) { return choose(a < b, a, b); }
INLINE vf absolute(vf x) { return (vf)((vi)x & 0x7FFFFFFF); }

// The bits of bfloat16: to the nearest, ties to even; a NaN stays one.
INLINE vu bits_of_bfloat16(vf x) {
  vu bits = (vu)x;
  vu nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  vi is_nan = (vi)((bits & 0x7FFFFFFF) > 0x7F800000);
  return (vu)choose(is_nan, (vf)(bits >> 16 | 0x40), (vf)nearest);
}

// The first n of 16, to bfloat16.
INLINE void store_rounded(uint16_t *p, vf x, long n) {
  vh rounded = __builtin_convertvector(bits_of_bfloat16(x), vh);
  STORE_BYTES(p, rounded, n * (long)sizeof(uint16_t));
}

// As bfloat16 has them, as floats.
INLINE vf as_bfloat16(vf x) { return (vf)(bits_of_bfloat16(x) << 16); }

// In a fixed order: halves are added until one number is left.
INLINE double sum(vf x) {
  typedef double v8 __attribute__((vector_size(64)));
  typedef double v4 __attribute__((vector_size(32)));
  typedef double v2 __attribute__((vector_size(16)));
  vd d = __builtin_convertvector(x, vd);
  v8 d8 = (v8)__builtin_shufflevector(d, d, 0, 1, 2, 3, 4, 5, 6, 7) +
          (v8)__builtin_shufflevector(d, d, 8, 9, 10, 11, 12, 13, 14, 15);
  v4 d4 = (v4)__builtin_shufflevector(d8, d8, 0, 1, 2, 3) + (v4)__builtin_shufflevector(d8, d8, 4, 5, 6, 7);
  v2 d2 = (v2)__builtin_shufflevector(d4, d4, 0, 1) + (v2)__builtin_shufflevector(d4, d4, 2, 3);
  return d2[0] + d2[1];
}

INLINE float largest(vf x) {
  x = maximum(x, (vf)__builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  x = maximum(x, (vf)__builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3));
  x = maximum(x, (vf)__builtin_shufflevector(x, x, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1));
  return x[0] > x[1] ? x[0] : x[1];
}

// The places of a row, 16 at a time; `n` is 16 but in the last turn.
#define FOR_EACH_VECTOR(i, n, count) \
  for (long i = 0, n = (count) < WIDTH ? (count) : WIDTH; i < (count); \
       i += WIDTH, n = (count) - i < WIDTH ? (count) - i : WIDTH)
#define LOAD(p, n) ((n) == WIDTH ? load(p) : load_part(p, n))
#define STORE(p, x, n) ((n) == WIDTH ? store(p, x) : store_part(p, x, n))
