#define _GNU_SOURCE
#include "COneDNN.h"

#if __has_include(<oneapi/dnnl/dnnl.h>)
#include <oneapi/dnnl/dnnl.h>
#elif __has_include(<dnnl.h>)
#include <dnnl.h>
#endif

#if DNNL_VERSION_MAJOR == 2 || DNNL_VERSION_MAJOR == 3
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

// Versions 2 and 3 make the same objects by different functions.
#define COMMON_FUNCTIONS(F) \
  F(dnnl_version) F(dnnl_engine_create) F(dnnl_stream_create) F(dnnl_stream_destroy) F(dnnl_sgemm) \
  F(dnnl_primitive_attr_create) F(dnnl_primitive_attr_set_scratchpad_mode) F(dnnl_primitive_attr_set_post_ops) \
  F(dnnl_post_ops_create) F(dnnl_post_ops_destroy) F(dnnl_post_ops_append_sum) \
  F(dnnl_primitive_desc_query_md) F(dnnl_primitive_desc_destroy) F(dnnl_primitive_create) \
  F(dnnl_primitive_destroy) F(dnnl_primitive_execute) F(dnnl_memory_desc_get_size) F(dnnl_memory_create) \
  F(dnnl_memory_destroy) F(dnnl_set_primitive_cache_capacity)
#if DNNL_VERSION_MAJOR == 2
#define FUNCTIONS(F) \
  COMMON_FUNCTIONS(F) F(dnnl_memory_desc_init_by_strides) F(dnnl_matmul_desc_init) F(dnnl_primitive_desc_create)
typedef const dnnl_memory_desc_t *Descriptor;
#else
#define FUNCTIONS(F) \
  COMMON_FUNCTIONS(F) F(dnnl_memory_desc_create_with_strides) F(dnnl_memory_desc_destroy) \
  F(dnnl_matmul_primitive_desc_create)
typedef const_dnnl_memory_desc_t Descriptor;
#endif

struct GraftOneDNN {
  // As the headers declare them.
#define DECLARE(name) __typeof__(name) *name;
  FUNCTIONS(DECLARE)
#undef DECLARE
  // OpenMP's. The library's own loops follow it.
  void (*omp_set_num_threads)(int);
  dnnl_engine_t engine;
  // Of products that overwrite their result, and of those that add to it.
  dnnl_primitive_attr_t attributes[2];
  // Each thread's `Thread`.
  pthread_key_t thread;
};

int graft_onednn_headers_version(void) { return DNNL_VERSION_MAJOR; }

// MARK: What each thread has

// A stream to run primitives on, and memory for their intermediate results.
typedef struct {
  const GraftOneDNN *library;
  dnnl_stream_t stream;
  void *scratch;
  size_t scratch_size;
} Thread;

static void end_thread(void *data) {
  Thread *thread = data;
  thread->library->dnnl_stream_destroy(thread->stream);
  free(thread->scratch);
  free(thread);
}

static Thread *current_thread(const GraftOneDNN *library) {
  Thread *thread = pthread_getspecific(library->thread);
  if (thread) return thread;
  thread = calloc(1, sizeof *thread);
  if (!thread) return 0;
  thread->library = library;
  if (library->dnnl_stream_create(&thread->stream, library->engine, dnnl_stream_default_flags) != dnnl_success) {
    free(thread);
    return 0;
  }
  if (pthread_setspecific(library->thread, thread) != 0) {
    end_thread(thread);
    return 0;
  }
  return thread;
}

// Memory of at least this many bytes, or null.
static void *scratch(Thread *thread, size_t size) {
  enum { alignment = 64 };
  if (thread->scratch_size < size) {
    free(thread->scratch);
    thread->scratch = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    thread->scratch_size = thread->scratch ? size : 0;
  }
  return thread->scratch;
}

// MARK: Opening

static bool fail(GraftOneDNNProblem *problem, GraftOneDNNProblemKind kind, const char *detail) {
  problem->kind = kind;
  snprintf(problem->detail, sizeof problem->detail, "%s", detail);
  return false;
}

#define CHECK(call, name) \
  if ((call) != dnnl_success) return fail(problem, GraftOneDNNFailed, name)

// Scratch memory comes from the caller.
static bool make_attributes(GraftOneDNN *library, bool accumulates, GraftOneDNNProblem *problem) {
  dnnl_primitive_attr_t *attributes = &library->attributes[accumulates];
  CHECK(library->dnnl_primitive_attr_create(attributes), "dnnl_primitive_attr_create");
  CHECK(
    library->dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user),
    "dnnl_primitive_attr_set_scratchpad_mode");
  if (!accumulates) return true;
  dnnl_post_ops_t operations;
  CHECK(library->dnnl_post_ops_create(&operations), "dnnl_post_ops_create");
#if DNNL_VERSION_MAJOR == 2
  dnnl_status_t status = library->dnnl_post_ops_append_sum(operations, 1);
#else
  // Without a zero point, in the result's type.
  dnnl_status_t status = library->dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef);
#endif
  if (status == dnnl_success) status = library->dnnl_primitive_attr_set_post_ops(*attributes, operations);
  library->dnnl_post_ops_destroy(operations);
  CHECK(status, "dnnl_post_ops_append_sum");
  return true;
}

static bool start(GraftOneDNN *library, void *handle, GraftOneDNNProblem *problem) {
  library->dnnl_version = (__typeof__(library->dnnl_version))dlsym(handle, "dnnl_version");
  if (!library->dnnl_version) return fail(problem, GraftOneDNNLacksFunction, "dnnl_version");
  const dnnl_version_t *version = library->dnnl_version();
  if (version->major != DNNL_VERSION_MAJOR) {
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
    return fail(problem, GraftOneDNNOtherVersion, text);
  }
#define FIND(name) \
  library->name = (__typeof__(library->name))dlsym(handle, #name); \
  if (!library->name) return fail(problem, GraftOneDNNLacksFunction, #name);
  FUNCTIONS(FIND)
  FIND(omp_set_num_threads)
#undef FIND
  if (pthread_key_create(&library->thread, end_thread) != 0) {
    return fail(problem, GraftOneDNNFailed, "pthread_key_create");
  }
  CHECK(library->dnnl_engine_create(&library->engine, dnnl_cpu, 0), "dnnl_engine_create");
  // Batches of varying size need primitives of varying size; the library keeps those used last.
  CHECK(library->dnnl_set_primitive_cache_capacity(512), "dnnl_set_primitive_cache_capacity");
  return make_attributes(library, false, problem) && make_attributes(library, true, problem);
}

GraftOneDNN *graft_onednn_open(const char *file_name, GraftOneDNNProblem *problem) {
  void *handle = dlopen(file_name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *message = dlerror();
    fail(problem, GraftOneDNNNotFound, message ? message : file_name);
    return 0;
  }
  GraftOneDNN *library = calloc(1, sizeof *library);
  if (!library) {
    fail(problem, GraftOneDNNFailed, "calloc");
    return 0;
  }
  // A library that does not start stays loaded: its threads may be running.
  if (start(library, handle, problem)) return library;
  free(library);
  return 0;
}

void graft_onednn_version(const GraftOneDNN *library, int version[3]) {
  const dnnl_version_t *found = library->dnnl_version();
  version[0] = found->major;
  version[1] = found->minor;
  version[2] = found->patch;
}

// MARK: Multiplying

bool graft_onednn_sgemm(
  const GraftOneDNN *library, const GraftOneDNNProduct *product, const float *a, const float *b, float *c
) {
  // Each thread has a setting of its own.
  library->omp_set_num_threads(1);
  return library->dnnl_sgemm(
           product->transposes_a ? 'T' : 'N', product->transposes_b ? 'T' : 'N', product->m, product->n,
           product->k, 1, a, product->lda, b, product->ldb, product->accumulates ? 1 : 0, c,
           product->ldc) == dnnl_success;
}

enum { A, B, C, MATRICES };

// The descriptors of A, B and C: structures in version 2, handles in version 3.
typedef struct {
  dnnl_memory_desc_t values[MATRICES];
} Matrices;

static Descriptor descriptor(const Matrices *matrices, int which) {
#if DNNL_VERSION_MAJOR == 2
  return &matrices->values[which];
#else
  return matrices->values[which];
#endif
}

// Describes a row-major matrix, or the transpose of one, as the product reads it.
static bool describe(
  const GraftOneDNN *library, Matrices *matrices, int which, int64_t rows, int64_t columns, int64_t distance,
  bool transposed, dnnl_data_type_t type
) {
  const dnnl_dims_t extents = {rows, columns};
  const dnnl_dims_t strides = {transposed ? 1 : distance, transposed ? distance : 1};
#if DNNL_VERSION_MAJOR == 2
  dnnl_status_t status =
    library->dnnl_memory_desc_init_by_strides(&matrices->values[which], 2, extents, type, strides);
#else
  dnnl_status_t status =
    library->dnnl_memory_desc_create_with_strides(&matrices->values[which], 2, extents, type, strides);
#endif
  return status == dnnl_success;
}

static bool describe_all(
  const GraftOneDNN *library, Matrices *matrices, const GraftOneDNNProduct *product, GraftOneDNNType type
) {
  const dnnl_data_type_t operand = type == GraftOneDNNBFloat16 ? dnnl_bf16 : dnnl_f32;
  return describe(library, matrices, A, product->m, product->k, product->lda, product->transposes_a, operand) &&
         describe(library, matrices, B, product->k, product->n, product->ldb, product->transposes_b, operand) &&
         describe(library, matrices, C, product->m, product->n, product->ldc, false, dnnl_f32);
}

static void destroy_all(const GraftOneDNN *library, Matrices *matrices) {
#if DNNL_VERSION_MAJOR == 3
  for (int which = A; which < MATRICES; which++) {
    if (matrices->values[which]) library->dnnl_memory_desc_destroy(matrices->values[which]);
  }
#endif
}

static dnnl_primitive_desc_t describe_primitive(
  const GraftOneDNN *library, const Matrices *matrices, bool accumulates
) {
  dnnl_primitive_desc_t primitive = 0;
  const_dnnl_primitive_attr_t attributes = library->attributes[accumulates];
  Descriptor a = descriptor(matrices, A), b = descriptor(matrices, B), c = descriptor(matrices, C);
#if DNNL_VERSION_MAJOR == 2
  dnnl_matmul_desc_t matmul;
  if (library->dnnl_matmul_desc_init(&matmul, a, b, 0, c) != dnnl_success) return 0;
  dnnl_status_t status = library->dnnl_primitive_desc_create(&primitive, &matmul, attributes, library->engine, 0);
#else
  dnnl_status_t status =
    library->dnnl_matmul_primitive_desc_create(&primitive, library->engine, a, b, 0, c, attributes);
#endif
  return status == dnnl_success ? primitive : 0;
}

// The arguments of an execution, with the memory objects that they own.
typedef struct {
  dnnl_exec_arg_t values[MATRICES + 1];
  int count;
} Arguments;

static bool add_argument(
  const GraftOneDNN *library, Arguments *arguments, int number, Descriptor descriptor, void *data
) {
  dnnl_memory_t memory = 0;
  if (library->dnnl_memory_create(&memory, descriptor, library->engine, data) != dnnl_success) return false;
  arguments->values[arguments->count++] = (dnnl_exec_arg_t){.arg = number, .memory = memory};
  return true;
}

static bool execute(
  const GraftOneDNN *library, Thread *thread, const_dnnl_primitive_desc_t description,
  const_dnnl_primitive_t primitive, const Matrices *matrices, const void *a, const void *b, float *c
) {
  Arguments arguments = {.count = 0};
  bool done = add_argument(library, &arguments, DNNL_ARG_SRC, descriptor(matrices, A), (void *)a) &&
              add_argument(library, &arguments, DNNL_ARG_WEIGHTS, descriptor(matrices, B), (void *)b) &&
              add_argument(library, &arguments, DNNL_ARG_DST, descriptor(matrices, C), c);
  Descriptor room = library->dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
  size_t size = room ? library->dnnl_memory_desc_get_size(room) : 0;
  if (done && size > 0) {
    void *memory = scratch(thread, size);
    done = memory && add_argument(library, &arguments, DNNL_ARG_SCRATCHPAD, room, memory);
  }
  done = done && library->dnnl_primitive_execute(
                   primitive, thread->stream, arguments.count, arguments.values) == dnnl_success;
  for (int i = 0; i < arguments.count; i++) library->dnnl_memory_destroy(arguments.values[i].memory);
  return done;
}

bool graft_onednn_matmul(
  const GraftOneDNN *library, const GraftOneDNNProduct *product, GraftOneDNNType type, const void *a,
  const void *b, float *c
) {
  Thread *thread = current_thread(library);
  if (!thread) return false;
  library->omp_set_num_threads(1);
  Matrices matrices = {0};
  dnnl_primitive_desc_t description = 0;
  dnnl_primitive_t primitive = 0;
  bool done = describe_all(library, &matrices, product, type) &&
              (description = describe_primitive(library, &matrices, product->accumulates)) &&
              library->dnnl_primitive_create(&primitive, description) == dnnl_success &&
              execute(library, thread, description, primitive, &matrices, a, b, c);
  if (primitive) library->dnnl_primitive_destroy(primitive);
  if (description) library->dnnl_primitive_desc_destroy(description);
  destroy_all(library, &matrices);
  return done;
}

#else

int graft_onednn_headers_version(void) { return 0; }

GraftOneDNN *graft_onednn_open(const char *file_name, GraftOneDNNProblem *problem) {
  *problem = (GraftOneDNNProblem){.kind = GraftOneDNNWithoutHeaders};
  return 0;
}

// Nothing below is reached: there is no library to pass.

void graft_onednn_version(const GraftOneDNN *library, int version[3]) {
  version[0] = version[1] = version[2] = 0;
}

bool graft_onednn_sgemm(
  const GraftOneDNN *library, const GraftOneDNNProduct *product, const float *a, const float *b, float *c
) {
  return false;
}

bool graft_onednn_matmul(
  const GraftOneDNN *library, const GraftOneDNNProduct *product, GraftOneDNNType type, const void *a,
  const void *b, float *c
) {
  return false;
}

#endif
