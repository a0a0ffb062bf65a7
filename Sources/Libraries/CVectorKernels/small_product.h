// Products of matrices that fit a core's cache, such as those of attention. Included once for each type, which defines
// beforehand:
//
//   NAME(x)            a name of this type's own
//   ROWS               how many rows are multiplied together, at most MOST_ROWS
//   VECTORS            by how many vectors of columns, at most MOST_VECTORS
//   STEP_INPUTS        how many numbers along the depth are a step, which has four bytes: 1 or 2
//   IN_ROW(x, n)       sixteen steps from the n next numbers of a row
//   IN_COLUMNS(a, b)   sixteen columns' step: the numbers of one row, and of the next where a step has two
//   DOT(sums, row, b)  the sums with a step's products
//
// Both matrices are packed for the product: the left one as rows of steps, the right one as panels of columns with a step
// of each side by side.

#include "transpose.h"

#define MOST_ROWS 6
#define MOST_VECTORS 4

// Some rows as rows of steps. `x` is `[rows, depth]`.
static void NAME(pack_rows)(const float *x, long stride, long rows, long depth, float *y, long steps) {
  enum { NUMBERS = WIDTH * STEP_INPUTS };
  for (long r = 0; r < rows; r++) {
    for (long k = 0; k < depth; k += NUMBERS) {
      const long n = depth - k < NUMBERS ? depth - k : NUMBERS;
      store(y + r * steps + k / STEP_INPUTS, IN_ROW(x + r * stride + k, n));
    }
  }
}

// Sixteen columns of a step. `x` is `[depth, columns]`, from its first number on.
INLINE vf NAME(step)(const float *x, long stride, long columns, long depth, long step) {
  const long k = step * STEP_INPUTS;
  const vf none = {}, first = k < depth ? LOAD(x + k * stride, columns) : none;
  const vf second = STEP_INPUTS > 1 && k + 1 < depth ? LOAD(x + (k + 1) * stride, columns) : none;
  (void)second;
  return IN_COLUMNS(first, second);
}

// Some columns as rows of steps. `x` is `[depth, columns]`.
static void NAME(pack_columns)(const float *x, long stride, long columns, long depth, float *y, long steps) {
  for (long first = 0; first < columns; first += WIDTH) {
    const long n = columns - first < WIDTH ? columns - first : WIDTH;
    for (long s = 0; s * STEP_INPUTS < depth; s += WIDTH) {
      vf words[WIDTH];
      for (long i = 0; i < WIDTH; i++) words[i] = NAME(step)(x + first, stride, n, depth, s + i);
      transpose(words);
      for (long i = 0; i < n; i++) store(y + (first + i) * steps + s, words[i]);
    }
  }
}

// Where a panel begins, with the vectors of columns that it has.
INLINE float *NAME(panel)(float *panels, long first, long columns, long steps, long *vectors) {
  const long left = (columns - first + WIDTH - 1) / WIDTH;
  *vectors = left < VECTORS ? left : VECTORS;
  return panels + first * steps;
}

// Panels from `x`, `[depth, columns]`, or from its transpose.
static void NAME(pack_panels)(
  const float *x, long stride, long columns, long depth, int is_transposed, float *panels, long steps
) {
  for (long first = 0; first < columns; first += WIDTH) {
    const long n = columns - first < WIDTH ? columns - first : WIDTH;
    const long in_panel = first % (WIDTH * VECTORS);
    long vectors;
    float *to = NAME(panel)(panels, first - in_panel, columns, steps, &vectors) + in_panel;
    if (!is_transposed) {
      for (long s = 0; s * STEP_INPUTS < depth; s++) {
        store(to + s * vectors * WIDTH, NAME(step)(x + first, stride, n, depth, s));
      }
      continue;
    }
    for (long s = 0; s * STEP_INPUTS < depth; s += WIDTH) {
      const long k = s * STEP_INPUTS, left = depth - k;
      const long count = left < WIDTH * STEP_INPUTS ? left : WIDTH * STEP_INPUTS;
      vf words[WIDTH];
      for (long i = 0; i < WIDTH; i++) words[i] = i < n ? IN_ROW(x + (first + i) * stride + k, count) : splat(0);
      transpose(words);
      for (long i = 0; i < WIDTH; i++) store(to + (s + i) * vectors * WIDTH, words[i]);
    }
  }
}

// `rows` and `vectors` are constants wherever this is inlined; of the last vector `n` columns are wanted.
INLINE void NAME(small_block)(
  const float *row, const float *panel, long row_steps, long steps, float *c, long ldc, long n, int accumulates,
  const int rows, const int vectors
) {
  vf sums[MOST_ROWS][MOST_VECTORS];
  UNROLLED for (int r = 0; r < rows; r++) {
    UNROLLED for (int v = 0; v < vectors; v++) sums[r][v] = splat(0);
  }
  for (long s = 0; s < steps; s++, panel += vectors * WIDTH) {
    vf b[MOST_VECTORS];
    UNROLLED for (int v = 0; v < vectors; v++) b[v] = load(panel + v * WIDTH);
    UNROLLED for (int r = 0; r < rows; r++) {
      const vf x = splat(row[r * row_steps + s]);
      UNROLLED for (int v = 0; v < vectors; v++) sums[r][v] = DOT(sums[r][v], x, b[v]);
    }
  }
  UNROLLED for (int r = 0; r < rows; r++) {
    UNROLLED for (int v = 0; v < vectors; v++) {
      float *to = c + r * ldc + v * WIDTH;
      const long count = v == vectors - 1 ? n : WIDTH;
      STORE(to, accumulates ? sums[r][v] + LOAD(to, count) : sums[r][v], count);
    }
  }
}

// A panel with all rows.
INLINE void NAME(small_blocks)(
  const GraftSmallProduct *p, const float *rows, const float *panel, long first, long row_steps, const int vectors
) {
  const long steps = (p->k + STEP_INPUTS - 1) / STEP_INPUTS;
  const long columns = p->n - first < WIDTH * vectors ? p->n - first : WIDTH * vectors;
  const long n = columns - (vectors - 1) * WIDTH;
  // As even as they can be: few rows together leave the multipliers waiting.
  const long blocks = (p->m + ROWS - 1) / ROWS;
  for (long block = 0, row = 0, count; block < blocks; block++, row += count) {
    const long left = blocks - block;
    count = (p->m - row + left - 1) / left;
    const float *from = rows + row * row_steps;
    float *to = p->c + row * p->ldc + first;
#define BLOCK(rows) \
  case rows: \
    if (rows <= ROWS) NAME(small_block)(from, panel, row_steps, steps, to, p->ldc, n, p->accumulates, rows, vectors); \
    break
    switch (count) {
      BLOCK(1);
      BLOCK(2);
      BLOCK(3);
      BLOCK(4);
      BLOCK(5);
      BLOCK(6);
    }
#undef BLOCK
  }
}

// The steps of a row, with room for whole vectors.
INLINE long NAME(room)(long depth) {
  const long steps = (depth + STEP_INPUTS - 1) / STEP_INPUTS;
  return (steps + WIDTH - 1) / WIDTH * WIDTH;
}

static long NAME(small_scratch)(long m, long n, long k) {
  return NAME(room)(k) * (m + (n + WIDTH - 1) / WIDTH * WIDTH);
}

static void NAME(small_multiply)(const GraftSmallProduct *p) {
  const long steps = NAME(room)(p->k);
  float *rows = p->scratch, *panels = rows + steps * p->m;
  (p->transposes_a ? NAME(pack_columns) : NAME(pack_rows))(p->a, p->lda, p->m, p->k, rows, steps);
  NAME(pack_panels)(p->b, p->ldb, p->n, p->k, p->transposes_b, panels, steps);
  for (long first = 0; first < p->n; first += WIDTH * VECTORS) {
    long vectors;
    const float *panel = NAME(panel)(panels, first, p->n, steps, &vectors);
#define BLOCKS(vectors) \
  case vectors: \
    if (vectors <= VECTORS) NAME(small_blocks)(p, rows, panel, first, steps, vectors); \
    break
    switch (vectors) {
      BLOCKS(1);
      BLOCKS(2);
      BLOCKS(3);
      BLOCKS(4);
    }
#undef BLOCKS
  }
}

#undef NAME
#undef STEP_INPUTS
#undef IN_ROW
#undef IN_COLUMNS
#undef DOT
