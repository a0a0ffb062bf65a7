// Ends the program with a sentence where memory runs out: Swift would stop it with a trace of its stack, and the libraries
// that it calls each in their own way. Stands in front of glibc's allocator, which does the work.
// https://www.gnu.org/software/libc/manual/html_node/Replacing-malloc.html

#include "out_of_memory.h"

// The sanitizers have allocators of their own.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)

void end_when_out_of_memory(void) {}

#else

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_bool ends = false;
static atomic_flag has_ended = ATOMIC_FLAG_INIT;

void end_when_out_of_memory(void) { atomic_store(&ends, true); }

// Without memory, and once, whatever other threads miss in the meantime.
static void end(size_t size) {
  while (atomic_flag_test_and_set(&has_ended)) pause();
  char text[256];
  int count = snprintf(
      text, sizeof text,
      "%sgraft: error: out of memory: no room for another %zu %s. Take a smaller --batch-size or --max-length, or let the "
      "process have more memory.\n",
      isatty(STDERR_FILENO) ? "\r\033[K" : "", size >> 20 ? size >> 20 : size, size >> 20 ? "MB" : "bytes");
  if (count > 0) (void)!write(STDERR_FILENO, text, (size_t)count);
  _exit(1);
}

static void *found(void *memory, size_t size) {
  if (memory == NULL && size > 0 && atomic_load(&ends)) end(size);
  return memory;
}

void *malloc(size_t size) { return found(__libc_malloc(size), size); }

void *calloc(size_t count, size_t size) {
  size_t all;
  if (__builtin_mul_overflow(count, size, &all)) all = SIZE_MAX;
  return found(__libc_calloc(count, size), all);
}

void *realloc(void *memory, size_t size) { return found(__libc_realloc(memory, size), size); }

void *memalign(size_t alignment, size_t size) { return found(__libc_memalign(alignment, size), size); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
  void *found = memalign(alignment, size);
  if (found == NULL) return ENOMEM;
  *memory = found;
  return 0;
}

#endif
