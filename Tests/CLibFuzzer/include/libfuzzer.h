#pragma once
#include <stddef.h>
#include <stdint.h>

// libFuzzer, where a program is linked with it: see `make fuzz`.

/// Whether it is there.
int graft_fuzzer_is_linked(void);

/// Runs it with the arguments of a program, and returns the program's status.
int graft_fuzzer_run(int count, char **arguments, int (*read)(const uint8_t *bytes, size_t count));

/// Changes bytes in place as libFuzzer does, and returns how many there are then.
size_t graft_fuzzer_mutate(uint8_t *bytes, size_t count, size_t most);
