// Ends the program with a sentence where memory runs out: Swift would stop it with a trace of its stack, and the libraries
// that it calls each in their own way. Stands in front of the allocator that does the work, glibc's or a preloaded one.
// https://www.gnu.org/software/libc/manual/html_node/Replacing-malloc.html

// For RTLD_NEXT.
#define _GNU_SOURCE

#include "out_of_memory.h"

// The sanitizers have allocators of their own.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)

void end_when_out_of_memory(void) {}

#else

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static atomic_bool ends = false;
static atomic_flag has_ended = ATOMIC_FLAG_INIT;

void end_when_out_of_memory(void) { atomic_store(&ends, true); }

// Without memory, and once, whatever other threads miss in the meantime.
static void end(size_t size) {
  while (atomic_flag_test_and_set(&has_ended)) pause();
  char text[256];
  int count = snprintf(
      text, sizeof text,
      "%sgraft: error: out of memory: no room for another %zu %s. Let the process have more memory, or take smaller "
      "batches or shorter texts.\n",
      isatty(STDERR_FILENO) ? "\r\033[K" : "", size >> 20 ? size >> 20 : size, size >> 20 ? "MB" : "bytes");
  if (count > 0) (void)!write(STDERR_FILENO, text, (size_t)count);
  _exit(1);
}

static void *found(void *memory, size_t size) {
  if (memory == NULL && size > 0 && atomic_load_explicit(&ends, memory_order_relaxed)) end(size);
  return memory;
}

// The function of a name that this one stands in front of, looked up once.
static void *behind(_Atomic(void *) *known, const char *name) {
  void *function = atomic_load_explicit(known, memory_order_acquire);
  if (function == NULL) {
    function = dlsym(RTLD_NEXT, name);
    atomic_store_explicit(known, function, memory_order_release);
  }
  return function;
}

void *malloc(size_t size) {
  static _Atomic(void *) next;
  return found(((void *(*)(size_t))behind(&next, "malloc"))(size), size);
}

void *calloc(size_t count, size_t size) {
  static _Atomic(void *) next;
  size_t all;
  if (__builtin_mul_overflow(count, size, &all)) all = SIZE_MAX;
  return found(((void *(*)(size_t, size_t))behind(&next, "calloc"))(count, size), all);
}

void *realloc(void *memory, size_t size) {
  static _Atomic(void *) next;
  return found(((void *(*)(void *, size_t))behind(&next, "realloc"))(memory, size), size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  static _Atomic(void *) next;
  return found(((void *(*)(size_t, size_t))behind(&next, "aligned_alloc"))(alignment, size), size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  static _Atomic(void *) next;
  int failure = ((int (*)(void **, size_t, size_t))behind(&next, "posix_memalign"))(memory, alignment, size);
  if (failure == ENOMEM) found(NULL, size);
  return failure;
}

#endif
