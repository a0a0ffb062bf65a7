// Another start of the process that reads HDF5 files, for tests that read many: see CHDF5.h.
#pragma once

#include <stdint.h>
#include <sys/types.h>

/// Forks this process, which loads the library first. That is several times as fast as ``GraftHDF5Start``, whose parameters
/// and result it has.
///
/// The new process has the same descriptors, rights and environment as one that is started, and a copy of this one's memory,
/// which one that is started has not.
int StartForkedReader(int file, int socket, int window, uint64_t memory, uint64_t seconds, pid_t *process);
