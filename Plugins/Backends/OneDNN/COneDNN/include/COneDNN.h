#pragma once
#include <stdbool.h>
#include <stdint.h>

/// A oneDNN library that was opened at run time, with a CPU engine and the attributes of matrix products.
typedef struct GraftOneDNN GraftOneDNN;

typedef enum {
  /// This program was compiled without oneDNN's headers.
  GraftOneDNNWithoutHeaders,
  /// The system has no library of this name; the detail is the loader's message.
  GraftOneDNNNotFound,
  /// The library is of another major version than the headers; the detail is its version.
  GraftOneDNNOtherVersion,
  /// The library lacks the function that the detail names.
  GraftOneDNNLacksFunction,
  /// The function that the detail names failed.
  GraftOneDNNFailed,
} GraftOneDNNProblemKind;

/// Why a library could not be opened.
typedef struct {
  GraftOneDNNProblemKind kind;
  char detail[256];
} GraftOneDNNProblem;

/// `C = op(A) · op(B)`, or `C += …`, on row-major matrices.
typedef struct {
  int64_t m, n, k;
  /// Elements from row to row.
  int64_t lda, ldb, ldc;
  /// Whether A is stored as `[k, m]`, and B as `[n, k]`.
  bool transposes_a, transposes_b;
  bool accumulates;
} GraftOneDNNProduct;

/// The type of A and B; C is float32.
typedef enum {
  GraftOneDNNFloat32,
  GraftOneDNNBFloat16,
} GraftOneDNNType;

/// The major version of the headers that this program was compiled with; 0 when there were none.
int graft_onednn_headers_version(void);

/// Opens a library by its file name and starts it. It stays open for as long as the process runs.
///
/// Returns null and describes the problem when that fails.
GraftOneDNN *graft_onednn_open(const char *file_name, GraftOneDNNProblem *problem);

/// The library's major, minor and patch version.
void graft_onednn_version(const GraftOneDNN *library, int version[3]);

/// Multiplies in float32 on the calling thread, without making a primitive first. False when the library fails.
bool graft_onednn_sgemm(
  const GraftOneDNN *library, const GraftOneDNNProduct *product, const float *a, const float *b, float *c);

/// Multiplies by a matmul primitive on the calling thread. False when the library has none for this product, or fails.
///
/// The library caches primitives: asking for one again takes some microseconds.
bool graft_onednn_matmul(
  const GraftOneDNN *library, const GraftOneDNNProduct *product, GraftOneDNNType type, const void *a,
  const void *b, float *c);
