#pragma once
#include <stddef.h>
#include <stdint.h>

/// How many bytes this CPU folds at a time: 256 or 64, or 0 where it does not multiply polynomials over two elements.
size_t graft_fold_block(void);

/// Shortens a message to 16 bytes that have its remainder, of a CRC whose bits are reflected.
///
/// - keys: x to the powers 2080, 2016, 544, 480, 160 and 96 modulo the polynomial, reflected, shifted by one bit.
/// - state: The remainder of what came before.
/// - count: A multiple of the block above 0.
/// - block: What graft_fold_block gives, or 64 where that is 256.
void graft_fold(
    const uint64_t keys[6], uint32_t state, const void *bytes, size_t count, size_t block, void *shortened);
