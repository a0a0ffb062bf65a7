#include "libfuzzer.h"

__attribute__((weak)) int LLVMFuzzerRunDriver(int *, char ***, int (*)(const uint8_t *, size_t));
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *, size_t, size_t);

int graft_fuzzer_is_linked(void) { return LLVMFuzzerRunDriver != 0; }

int graft_fuzzer_run(int count, char **arguments, int (*read)(const uint8_t *, size_t)) {
  return LLVMFuzzerRunDriver(&count, &arguments, read);
}

size_t graft_fuzzer_mutate(uint8_t *bytes, size_t count, size_t most) {
  return LLVMFuzzerMutate(bytes, count, most);
}
