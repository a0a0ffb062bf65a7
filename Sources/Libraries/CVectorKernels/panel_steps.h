// What rows and panels are made of: steps of four bytes.
#pragma once
#include "CVectorKernels.h"
#include "GraftVector.h"

// How the numbers of a step are stored.
typedef enum {
  STEP_FLOAT,     // one float
  STEP_ROUNDED,   // the same, rounded to bfloat16
  STEP_BFLOAT16,  // two
  STEP_SIGNED,    // four numbers of 8 bits
  STEP_SHIFTED,   // the same, each 128 larger and without a sign
  STEP_WIDE,      // two numbers of 16 bits
} StepKind;

enum { STEP_BYTES = 4, LARGEST = 127, LINE = 64 };

INLINE long inputs_per_step(StepKind kind) {
  return kind <= STEP_ROUNDED ? 1 : kind == STEP_BFLOAT16 || kind == STEP_WIDE ? 2 : 4;
}

INLINE int is_quantized(StepKind kind) { return kind >= STEP_SIGNED; }

// How floats become whole numbers from −127 to 127.
typedef struct {
  float scale;    // what a whole number stands for; not a number where a float is not finite
  float inverse;  // 0 where all floats are 0, or as good as
} Quantizer;

INLINE Quantizer quantizer(const float *x, long count) {
  vf most = splat(0), strange = splat(0);
  FOR_EACH_VECTOR(i, n, count) {
    vf v = LOAD(x + i, n);
    most = maximum(absolute(v), most);
    strange += v - v;  // not a number where v is infinite or none itself
  }
  const float peak = largest(most);
  Quantizer q = {peak / LARGEST, LARGEST / peak};
  if (!(q.inverse <= 3e38f)) q = (Quantizer){0, 0};
  const float sum_of_strange = (float)sum(strange);
  if (sum_of_strange != 0) q = (Quantizer){sum_of_strange, 0};
  return q;
}

// To the nearest whole number, ties to even: adding the magic number leaves it in the low bits.
INLINE vi quantize(vf x, float inverse) {
  const float magic = 0x1.8p23f;
  vf scaled = x * inverse;
  return (vi)(scaled + magic) - (vi)splat(magic);
}

// The first n of 16 numbers; where they are written, the others of a step are cleared beforehand.
INLINE void store_numbers(StepKind kind, char *y, vf x, float inverse, long n) {
  typedef int8_t v8 __attribute__((vector_size(16)));
  typedef int16_t v16 __attribute__((vector_size(32)));
  if (kind == STEP_FLOAT) {
    STORE((float *)y, x, n);
  } else if (kind == STEP_ROUNDED) {
    STORE((float *)y, as_bfloat16(x), n);
  } else if (kind == STEP_BFLOAT16) {
    store_rounded((uint16_t *)y, x, n);
  } else if (kind == STEP_WIDE) {
    v16 numbers = __builtin_convertvector(quantize(x, inverse), v16);
    STORE_BYTES(y, numbers, n * (long)sizeof(int16_t));
  } else {
    v8 numbers = __builtin_convertvector(quantize(x, inverse) + (kind == STEP_SHIFTED ? 128 : 0), v8);
    STORE_BYTES(y, numbers, n);
  }
}

// Writes `count` numbers, and zeros to the end of the last step.
INLINE void store_steps(StepKind kind, char *y, const float *x, long count, float inverse) {
  const long in_step = inputs_per_step(kind), size = STEP_BYTES / in_step;
  if (count % in_step != 0) memset(y + count / in_step * STEP_BYTES, 0, STEP_BYTES);
  FOR_EACH_VECTOR(i, n, count) store_numbers(kind, y + i * size, LOAD(x + i, n), inverse, n);
}

INLINE void convert_rows(
  StepKind kind, const float *x, long rows, long inputs, char *y, long stride, float *scales
) {
  for (long r = 0; r < rows; r++, x += inputs, y += stride) {
    Quantizer q = {1, 1};
    if (is_quantized(kind)) {
      q = quantizer(x, inputs);
      scales[r] = q.scale;
    }
    store_steps(kind, y, x, inputs, q.inverse);
  }
}

enum { MOST_OUTPUTS = 64, STEPS_TOGETHER = 64 };

// Writes some steps of each output to a panel, where they stand beside one another.
INLINE void write_steps(
  uint32_t words[MOST_OUTPUTS][STEPS_TOGETHER], long first, long count, long width, char *panel
) {
  uint32_t *to = (uint32_t *)panel + first * width;
  for (long s = 0; s < count; s++) {
    for (long j = 0; j < width; j++) *to++ = words[j][s];
  }
}

// Where the sums of an output begin: `shift` is what the rows' numbers are too large by.
INLINE int32_t offset(const int8_t *numbers, long count, int32_t shift) {
  int32_t sum = 0;
  if (shift != 0) {
    for (long i = 0; i < count; i++) sum -= shift * numbers[i];
  }
  return sum;
}

INLINE void pack_panel(
  StepKind kind, const float *weight, long outputs, long inputs, long width, char *panel, float *scales,
  int32_t *offsets, int32_t shift
) {
  const long in_step = inputs_per_step(kind), steps = (inputs + in_step - 1) / in_step;
  Quantizer quantizers[MOST_OUTPUTS];
  for (long j = 0; j < width; j++) {
    quantizers[j] = (Quantizer){1, 1};
    if (!is_quantized(kind)) continue;
    quantizers[j] = j < outputs ? quantizer(weight + j * inputs, inputs) : (Quantizer){0, 0};
    scales[j] = quantizers[j].scale;
    offsets[j] = 0;
  }
  for (long first = 0; first < steps; first += STEPS_TOGETHER) {
    const long count = steps - first < STEPS_TOGETHER ? steps - first : STEPS_TOGETHER;
    uint32_t words[MOST_OUTPUTS][STEPS_TOGETHER];
    for (long j = 0; j < width; j++) {
      memset(words[j], 0, sizeof words[j]);
      if (j >= outputs) continue;
      const long at = first * in_step, left = inputs - at;
      const long numbers = left < count * in_step ? left : count * in_step;
      store_steps(kind, (char *)words[j], weight + j * inputs + at, numbers, quantizers[j].inverse);
      if (is_quantized(kind)) offsets[j] += offset((const int8_t *)words[j], numbers, shift);
    }
    write_steps(words, first, count, width, panel);
  }
}

// Packs numbers that were rounded beforehand.
INLINE void pack_numbers(
  StepKind kind, const int8_t *rounded, long outputs, long inputs, long width, char *panel, int32_t *offsets,
  int32_t shift
) {
  const long in_step = inputs_per_step(kind), steps = (inputs + in_step - 1) / in_step;
  for (long j = 0; j < width; j++) offsets[j] = j < outputs ? offset(rounded + j * inputs, inputs, shift) : 0;
  for (long first = 0; first < steps; first += STEPS_TOGETHER) {
    const long count = steps - first < STEPS_TOGETHER ? steps - first : STEPS_TOGETHER;
    uint32_t words[MOST_OUTPUTS][STEPS_TOGETHER];
    for (long j = 0; j < width; j++) {
      memset(words[j], 0, sizeof words[j]);
      if (j >= outputs) continue;
      const long at = first * in_step, left = inputs - at;
      const long numbers = left < count * in_step ? left : count * in_step;
      const int8_t *from = rounded + j * inputs + at;
      if (kind == STEP_WIDE) {
        for (long i = 0; i < numbers; i++) {
          const int16_t wide = from[i];
          memcpy((char *)words[j] + i * (long)sizeof wide, &wide, sizeof wide);
        }
      } else {
        memcpy(words[j], from, (size_t)numbers);
      }
    }
    write_steps(words, first, count, width, panel);
  }
}
