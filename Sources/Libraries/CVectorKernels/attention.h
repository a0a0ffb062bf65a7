// Attention of one head in one sequence, with a running softmax: memory grows with the length and not with its square.
// Milakov & Gimelshein, arXiv:1805.02867; Dao et al., arXiv:2205.14135.
//
// A group of rows goes over stretches of columns, whose keys and values stay in the second cache. In a stretch, a block
// of rows has its scores in the first cache, and its sums in registers.
#pragma once
#include "rows.h"
#include "transpose.h"

// A file that includes this says how many rows of how many vectors its registers hold.
enum {
  BLOCK_ROWS = ATTENTION_ROWS,
  PANEL_VECTORS = ATTENTION_VECTORS,
  PANEL = WIDTH * PANEL_VECTORS,
  COLUMNS_TOGETHER = 512,
  ROWS_TOGETHER = 96,
};

// The sums of a block: `result[r] = factors[r] · result[r] + Σ_k rows[r][k] · panel[k]`, or without what was there where
// there are no factors. `row_count` and `vectors` are constants wherever this is inlined.
INLINE void block_product(
  const float *rows, long row_stride, const float *panel, long panel_stride, long depth, float *result,
  long result_stride, const float *factors, const int row_count, const int vectors
) {
  vf sums[BLOCK_ROWS][PANEL_VECTORS];
  UNROLLED for (int r = 0; r < row_count; r++) {
    UNROLLED for (int v = 0; v < vectors; v++) {
      sums[r][v] = factors ? factors[r] * load(result + r * result_stride + v * WIDTH) : splat(0);
    }
  }
  for (long k = 0; k < depth; k++, panel += panel_stride) {
    vf b[PANEL_VECTORS];
    UNROLLED for (int v = 0; v < vectors; v++) b[v] = load(panel + v * WIDTH);
    UNROLLED for (int r = 0; r < row_count; r++) {
      const vf x = splat(rows[r * row_stride + k]);
      UNROLLED for (int v = 0; v < vectors; v++) sums[r][v] += x * b[v];
    }
  }
  UNROLLED for (int r = 0; r < row_count; r++) {
    UNROLLED for (int v = 0; v < vectors; v++) store(result + r * result_stride + v * WIDTH, sums[r][v]);
  }
}

INLINE void block_of_vectors(
  const float *rows, long row_stride, const float *panel, long panel_stride, long depth, float *result,
  long result_stride, const float *factors, long row_count, const int vectors
) {
#define BLOCK(count) \
  case count: \
    return block_product( \
      rows, row_stride, panel, panel_stride, depth, result, result_stride, factors, \
      count < BLOCK_ROWS ? count : BLOCK_ROWS, vectors)
  switch (row_count) {
    BLOCK(1);
    BLOCK(2);
    BLOCK(3);
    BLOCK(4);
    BLOCK(5);
    BLOCK(6);
  }
#undef BLOCK
}

// The same with any number of vectors that a panel has.
static void product(
  const float *rows, long row_stride, const float *panel, long panel_stride, long depth, float *result,
  long result_stride, const float *factors, long row_count, long vectors
) {
#define VECTORS_OF_BLOCK(count) \
  case count: \
    return block_of_vectors( \
      rows, row_stride, panel, panel_stride, depth, result, result_stride, factors, row_count, \
      count < PANEL_VECTORS ? count : PANEL_VECTORS)
  switch (vectors) {
    VECTORS_OF_BLOCK(1);
    VECTORS_OF_BLOCK(2);
    VECTORS_OF_BLOCK(3);
    VECTORS_OF_BLOCK(4);
  }
#undef VECTORS_OF_BLOCK
}

// Keys as panels of `PANEL` of them: for each panel `[width, PANEL]`, with zeros behind the last key.
static void pack_keys(const float *key, long stride, long length, long width, float *panels) {
  for (long first = 0; first < length; first += WIDTH) {
    const long count = length - first < WIDTH ? length - first : WIDTH;
    float *to = panels + first / PANEL * PANEL * width + first % PANEL;
    for (long k = 0; k < width; k += WIDTH) {
      vf x[WIDTH];
      for (long i = 0; i < WIDTH; i++) x[i] = i < count ? load(key + (first + i) * stride + k) : splat(0);
      transpose(x);
      for (long i = 0; i < WIDTH; i++) store(to + (k + i) * PANEL, x[i]);
    }
  }
}

// What is known of a row so far.
typedef struct {
  float most;    // the largest score, before scaling
  double total;  // Σ exp(scale · (score − most))
} RowState;

// Replaces the scores of a row by their exponentials, and those that it does not see by 0. `columns` is a multiple of
// a vector; `from ..< to` are seen. Returns what sums so far have to be multiplied by.
INLINE float exponentials(float *scores, long columns, long from, long to, float scale, RowState *state) {
  const vi lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  vf most = splat(state->most);
  for (long i = 0; i < columns; i += WIDTH) {
    vf x = load(scores + i);
    if (i < from || i + WIDTH > to) {
      const vi place = lanes + (int32_t)i;
      x = choose((place >= (int32_t)from) & (place < (int32_t)to), x, splat(-INFINITY));
      store(scores + i, x);
    }
    most = maximum(x, most);
  }
  const float largest_score = largest(most);
  // Until there is a finite number, nothing is subtracted.
  const float shift = largest_score > -INFINITY ? largest_score : 0;
  Sum total = {};
  for (long i = 0; i < columns; i += WIDTH) {
    const vf e = exp_vector((load(scores + i) - shift) * scale);
    sum_add(&total, e);
    store(scores + i, e);
  }
  const float factor = exp_vector(splat((state->most - shift) * scale))[0];
  state->most = largest_score;
  state->total = state->total * (double)factor + sum_total(&total);
  return factor;
}

static long attention_scratch(long length, long width) {
  return (length + PANEL - 1) / PANEL * PANEL * width + BLOCK_ROWS * (COLUMNS_TOGETHER + WIDTH);
}

// A block of rows with a stretch of columns. Returns whether it sees any of them.
static int attend_block(
  const GraftAttention *a, const float *panels, float *scores, long row, long row_count, long from, long to,
  int is_first, RowState *states
) {
  enum { SCORES = COLUMNS_TOGETHER + WIDTH };
  const long window = a->window < 0 ? a->length : a->window;
  const long first_seen = row - window > from ? row - window : from;
  const long end = row + row_count + window < to ? row + row_count + window : to;
  const long start = first_seen / WIDTH * WIDTH;
  const long columns = (end - start + WIDTH - 1) / WIDTH * WIDTH;
  if (start >= end) return 0;
  for (long at = start; at < start + columns;) {
    const long left_in_panel = PANEL - at % PANEL, left = start + columns - at;
    const long count = left < left_in_panel ? left : left_in_panel;
    product(
      a->query + row * a->stride, a->stride, panels + at / PANEL * PANEL * a->width + at % PANEL, PANEL, a->width,
      scores + at - start, SCORES, 0, row_count, count / WIDTH);
    at += count;
  }
  float factors[BLOCK_ROWS];
  for (long r = 0; r < row_count; r++) {
    const long seen = row + r - window > from ? row + r - window : from;
    const long seen_end = row + r + window + 1 < to ? row + r + window + 1 : to;
    factors[r] = exponentials(scores + r * SCORES, columns, seen - start, seen_end - start, a->scale, states + r);
  }
  for (long k = 0; k < a->width; k += PANEL) {
    const long vectors = (a->width - k < PANEL ? a->width - k : PANEL) / WIDTH;
    product(
      scores, SCORES, a->value + start * a->stride + k, a->stride, end - start, a->result + row * a->stride + k,
      a->stride, is_first ? 0 : factors, row_count, vectors);
  }
  return 1;
}

static void attend(const GraftAttention *a) {
  float *panels = a->scratch;
  float *scores = panels + (a->length + PANEL - 1) / PANEL * PANEL * a->width;
  const long window = a->window < 0 ? a->length : a->window;
  pack_keys(a->key, a->stride, a->length, a->width, panels);
  long first = 0;
  for (long groups = (a->length + ROWS_TOGETHER - 1) / ROWS_TOGETHER; groups > 0; groups--) {
    const long rows = (a->length - first + groups - 1) / groups;
    const long blocks = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    const long start = (first > window ? first - window : 0) / WIDTH * WIDTH;
    const long end = first + rows + window < a->length ? first + rows + window : a->length;
    RowState states[ROWS_TOGETHER];
    int begun[ROWS_TOGETHER] = {};
    for (long r = 0; r < rows; r++) states[r] = (RowState){-INFINITY, 0};
    for (long from = start; from < end; from += COLUMNS_TOGETHER) {
      const long to = from + COLUMNS_TOGETHER < end ? from + COLUMNS_TOGETHER : end;
      long row = 0;
      // As even as they can be: few rows together leave the multipliers waiting.
      for (long block = 0; block < blocks; block++) {
        const long left = blocks - block, count = (rows - row + left - 1) / left;
        begun[block] |= attend_block(a, panels, scores, first + row, count, from, to, !begun[block], states + row);
        row += count;
      }
    }
    for (long r = 0; r < rows; r++) {
      float *y = a->result + (first + r) * a->stride;
      const float inverse = (float)(1 / states[r].total);
      for (long k = 0; k < a->width; k += WIDTH) store(y + k, load(y + k) * inverse);
    }
    first += rows;
  }
}
