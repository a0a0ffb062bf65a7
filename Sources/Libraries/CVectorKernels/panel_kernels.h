#pragma once
// A table of kernels from the functions that `panel_product.h` and the macro below make.
#define GRAFT_PANEL_FUNCTIONS(prefix, row_kind, weight_kind, panel_width, shift) \
  static void prefix##_pack( \
    const float *weight, long outputs, long inputs, void *panel, float *scales, int32_t *offsets) { \
    pack_panel(weight_kind, weight, outputs, inputs, panel_width, panel, scales, offsets, shift); \
  } \
  static void prefix##_pack_numbers( \
    const int8_t *numbers, long outputs, long inputs, void *panel, int32_t *offsets) { \
    pack_numbers(weight_kind, numbers, outputs, inputs, panel_width, panel, offsets, shift); \
  } \
  static void prefix##_convert(const float *x, long rows, long inputs, void *y, long stride, float *scales) { \
    convert_rows(row_kind, x, rows, inputs, y, stride, scales); \
  }

#define GRAFT_PANEL_TABLE(prefix, kind, panel_width, product) \
  {.width = panel_width, .inputs_per_step = kind <= STEP_ROUNDED ? 1 : kind == STEP_SHIFTED ? 4 : 2, \
   .pack = prefix##_pack, .pack_numbers = prefix##_pack_numbers, .convert = prefix##_convert, .multiply = product}
