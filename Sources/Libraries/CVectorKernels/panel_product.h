// A product with a panel. Included once for each kind, which defines beforehand:
//
//   NAME(x)            a name of this kind's own
//   Sums               a vector of sums, LANES of them
//   VECTORS            how many vectors the outputs of a panel are
//   ROWS               how many rows are multiplied together
//   DOT(sums, row, b)  the sums with a step's products; both operands as `Sums`
//   SPREAD(p)          the four bytes at p in every lane
//   READ(p)            a vector from memory
//   FLOATS(sums, row_scale, scales)   the sums as `Floats`
//   IS_QUANTIZED

// A block of rows: `rows` is a constant wherever this is inlined. A cache line from `ahead` on is fetched in each step.
INLINE void NAME(block)(
  const GraftPanelProduct *p, long first, const int rows, const float *bias, const char *ahead
) {
  enum { WIDE = LANES * VECTORS };
  // In registers, as long as all loops over rows are unrolled.
  Sums sums[ROWS][VECTORS];
  UNROLLED for (int r = 0; r < rows; r++) {
    UNROLLED for (int v = 0; v < VECTORS; v++) sums[r][v] = IS_QUANTIZED ? READ(p->offsets + v * LANES) : (Sums){};
  }
  const char *row = (const char *)p->rows + first * p->row_stride, *panel = p->panel;
  for (long s = 0; s < p->steps; s++, row += STEP_BYTES, panel += WIDE * STEP_BYTES, ahead += LINE) {
    __builtin_prefetch(ahead, 0, 2);
    Sums b[VECTORS];
    UNROLLED for (int v = 0; v < VECTORS; v++) b[v] = READ(panel + v * LANES * STEP_BYTES);
    UNROLLED for (int r = 0; r < rows; r++) {
      Sums x = SPREAD(row + r * p->row_stride);
      UNROLLED for (int v = 0; v < VECTORS; v++) sums[r][v] = DOT(sums[r][v], x, b[v]);
    }
  }
  UNROLLED for (int r = 0; r < rows; r++) {
    float own[WIDE], *result = p->result + (first + r) * p->result_stride;
    float *to = p->columns == WIDE ? result : own;
    const float row_scale = IS_QUANTIZED ? p->row_scales[first + r] : 1;
    (void)row_scale;
    UNROLLED for (int v = 0; v < VECTORS; v++) {
      const long at = v * LANES;
      Floats y = FLOATS(sums[r][v], row_scale, p->scales + at) + *(const Floats *)(bias + at);
      *(Floats *)(to + at) = y;
    }
    if (to == own) memcpy(result, own, (size_t)p->columns * sizeof(float));
  }
}

static void NAME(multiply)(const GraftPanelProduct *p) {
  float bias[LANES * VECTORS] = {};
  if (p->bias) memcpy(bias, p->bias, (size_t)p->columns * sizeof(float));
  // As even as they can be: few rows together leave the multipliers waiting.
  const long blocks = (p->row_count + ROWS - 1) / ROWS;
  // The first blocks fetch the panel that comes next, or else what is in the cache already.
  const long parts = p->next ? (LANES * VECTORS * STEP_BYTES + LINE - 1) / LINE : 0;
  long first = 0;
  for (long block = 0; block < blocks; block++) {
    const char *ahead = block < parts ? (const char *)p->next + block * p->steps * LINE : p->panel;
    const long left = blocks - block, rows = (p->row_count - first + left - 1) / left;
    switch (rows) {
    case 1: NAME(block)(p, first, 1, bias, ahead); break;
    case 2: NAME(block)(p, first, 2, bias, ahead); break;
    case 3: NAME(block)(p, first, 3, bias, ahead); break;
    case 4: NAME(block)(p, first, 4, bias, ahead); break;
    case 5: NAME(block)(p, first, 5, bias, ahead); break;
    default: NAME(block)(p, first, 6, bias, ahead); break;
    }
    first += rows;
  }
}

#undef NAME
#undef Sums
#undef Floats
#undef DOT
#undef SPREAD
#undef READ
#undef FLOATS
#undef IS_QUANTIZED
