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

// A block of rows by the steps `from..<to`: `rows` is a constant wherever this is inlined. The sums of earlier steps are
// in the result. Each step fetches the next `pace` bytes from `ahead` on, at most a cache line.
INLINE void NAME(block)(
  const GraftPanelProduct *p, long first, const int rows, long from, long to, const float *bias, const char *ahead,
  long pace
) {
  enum { WIDE = LANES * VECTORS };
  float *result = p->result + first * p->result_stride;
  // In registers, as long as all loops over rows are unrolled.
  Sums sums[ROWS][VECTORS];
  UNROLLED for (int r = 0; r < rows; r++) {
    UNROLLED for (int v = 0; v < VECTORS; v++) {
      const long at = v * LANES;
      sums[r][v] = from > 0 ? READ(result + r * p->result_stride + at) : IS_QUANTIZED ? READ(p->offsets + at) : (Sums){};
    }
  }
  const char *row = (const char *)p->rows + first * p->row_stride + from * STEP_BYTES;
  const char *panel = (const char *)p->panel + from * WIDE * STEP_BYTES;
  for (long s = from; s < to; s++, row += STEP_BYTES, panel += WIDE * STEP_BYTES, ahead += pace) {
    __builtin_prefetch(ahead, 0, 2);
    Sums b[VECTORS];
    UNROLLED for (int v = 0; v < VECTORS; v++) b[v] = READ(panel + v * LANES * STEP_BYTES);
    UNROLLED for (int r = 0; r < rows; r++) {
      Sums x = SPREAD(row + r * p->row_stride);
      UNROLLED for (int v = 0; v < VECTORS; v++) sums[r][v] = DOT(sums[r][v], x, b[v]);
    }
  }
  UNROLLED for (int r = 0; r < rows; r++, result += p->result_stride) {
    if (to < p->steps) {
      UNROLLED for (int v = 0; v < VECTORS; v++) *(Floats *)(result + v * LANES) = (Floats)sums[r][v];
      continue;
    }
    float own[WIDE], *y = p->columns == WIDE ? result : own;
    const float row_scale = IS_QUANTIZED ? p->row_scales[first + r] : 1;
    (void)row_scale;
    UNROLLED for (int v = 0; v < VECTORS; v++) {
      const long at = v * LANES;
      *(Floats *)(y + at) = FLOATS(sums[r][v], row_scale, p->scales + at) + *(const Floats *)(bias + at);
    }
    if (y == own) memcpy(result, own, (size_t)p->columns * sizeof(float));
  }
}

// All rows by the steps `from..<to`. Meanwhile the steps that come next, if any, are fetched at an even pace: faster than
// memory gives them, they would hold up what is read now.
static void NAME(steps)(const GraftPanelProduct *p, long from, long to, const float *bias, const char *next) {
  enum { WIDE = LANES * VECTORS };
  // As even as they can be: few rows together leave the multipliers waiting.
  const long blocks = (p->row_count + ROWS - 1) / ROWS;
  const long share = next ? (WIDE * STEP_BYTES + blocks - 1) / blocks : 0, pace = share < LINE ? share : LINE;
  const char *ahead = next ? next : (const char *)p->panel + from * WIDE * STEP_BYTES;
  long first = 0;
  for (long block = 0; block < blocks; block++, ahead += (to - from) * pace) {
    const long left = blocks - block, rows = (p->row_count - first + left - 1) / left;
    switch (rows) {
    case 1: NAME(block)(p, first, 1, from, to, bias, ahead, pace); break;
    case 2: NAME(block)(p, first, 2, from, to, bias, ahead, pace); break;
    case 3: NAME(block)(p, first, 3, from, to, bias, ahead, pace); break;
    case 4: NAME(block)(p, first, 4, from, to, bias, ahead, pace); break;
    case 5: NAME(block)(p, first, 5, from, to, bias, ahead, pace); break;
    default: NAME(block)(p, first, 6, from, to, bias, ahead, pace); break;
    }
    first += rows;
  }
}

static void NAME(multiply)(const GraftPanelProduct *p) {
  enum { WIDE = LANES * VECTORS };
  float bias[WIDE] = {};
  if (p->bias) memcpy(bias, p->bias, (size_t)p->columns * sizeof(float));
  // What is read of the panel at a time stays in the core's second cache, beside the rows and what is fetched. The
  // result has no room for the sums of outputs that are not wanted. One part at least: without inputs it is the bias.
  const long most = (256 << 10) / (WIDE * STEP_BYTES), full = (p->steps + most - 1) / most;
  const long parts = p->columns == WIDE && full > 1 ? full : 1;
  for (long part = 0; part < parts; part++) {
    const long from = part * p->steps / parts, to = (part + 1) * p->steps / parts;
    const char *rest = (const char *)p->panel + to * WIDE * STEP_BYTES;
    NAME(steps)(p, from, to, bias, to < p->steps ? rest : p->next);
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
