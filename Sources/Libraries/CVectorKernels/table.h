// The kernels, compiled for the instructions that the including file asks for, as a table.
#include "CVectorKernels.h"
// In this order: each builds on those before.
#include "GraftVector.h"
#include "functions.h"
#include "elementwise.h"
#include "rows.h"
#include "attention.h"
#include "dropout.h"

#define GRAFT_TABLE \
  {.add = add, .round = round_to_bfloat16, .squared_norm = squared_norm, .add_bias = add_bias, \
   .add_column_sums = add_column_sums, .activate = activate, .activation_gradient = activation_gradient, \
   .layer_norm = layer_norm, .layer_norm_gradient = layer_norm_gradient, .softmax = softmax, \
   .attend = attend, .attention_scratch = attention_scratch, \
   .softmax_gradient = softmax_gradient, .softmax_statistics = softmax_statistics, \
   .cross_entropy_gradient = cross_entropy_gradient, .dropout = dropout, .evaluate = evaluate}
