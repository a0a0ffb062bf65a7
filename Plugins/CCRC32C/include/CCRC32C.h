#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether this CPU has instructions for the Castagnoli checksum.
bool graft_has_crc32c(void);

/// The state of a checksum after more bytes; call it only where graft_has_crc32c says so.
uint32_t graft_crc32c(uint32_t state, const void *bytes, size_t count);
