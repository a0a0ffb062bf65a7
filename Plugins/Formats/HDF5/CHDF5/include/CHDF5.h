// Reads HDF5 files with libhdf5 in a process of its own, which has no rights: GraftHDF5Start starts it, and what is
// said to it and comes back is described here.
//
// The process is this program again. Before its `main` runs, a constructor sees what it was started for, so that any
// program that this is linked into can read such files, and the process has nothing of the memory and the files of
// the one that started it.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// What is asked for.
typedef struct {
  uint32_t kind;
  uint32_t unused;
  // Where the object is; 0 is the root group.
  uint64_t address;
  // Of GraftHDF5Read: which rows, counted along the first extent.
  uint64_t first;
  uint64_t count;
} GraftHDF5Request;

enum {
  // What an object is: its attributes; a group's links; a dataset's shape, type and storage.
  GraftHDF5Describe = 1,
  // Rows of a dataset, which are put into the window.
  GraftHDF5Read = 2,
};

// What precedes every answer. The first answer comes unasked, when the file is open; it is the library's version.
typedef struct {
  uint32_t magic;
  uint32_t status;
  // How many bytes follow: the answer, or a message.
  uint64_t count;
} GraftHDF5Answer;

enum { GraftHDF5Magic = 0x35464448 };

enum {
  GraftHDF5Fine = 0,
  // The library is not there, or is too old; the message says what it lacks.
  GraftHDF5NoLibrary = 1,
  // The system does not let a process give up its rights.
  GraftHDF5NoSandbox = 2,
  // The library finds the file at fault, or the memory too small.
  GraftHDF5Failed = 3,
};

enum { GraftHDF5Other = 0, GraftHDF5Group = 1, GraftHDF5Dataset = 2 };

// How a dataset is stored.
enum {
  GraftHDF5Contiguous = 1,
  GraftHDF5Chunked = 2,
  // Compact, virtual, or of numbers that have to be converted.
  GraftHDF5OtherLayout = 3,
  // Outside the file.
  GraftHDF5Outside = 4,
  // All of it, a chunk, or a part of a virtual one was never written.
  GraftHDF5NeverWritten = 5,
  GraftHDF5LacksChunk = 6,
  GraftHDF5LacksPart = 7,
};

// What the elements are, when they are not numbers: `GraftHDF5Class` and HDF5's number of the class.
enum { GraftHDF5Class = 0x80 };

/// Whether this code is a part of the program itself, and not of a library that was loaded later.
int GraftHDF5CanStart(void);

/// Starts the process.
///
/// - Parameters:
///   - file: The file, open for reading.
///   - socket: One end of a pair, for questions and answers.
///   - window: Shared memory.
///   - memory: How many bytes it may take beyond what it is made of.
///   - seconds: How long it may compute.
/// - Returns: 0, or the system's error.
int GraftHDF5Start(int file, int socket, int window, uint64_t memory, uint64_t seconds, pid_t *process);

/// Shared memory whose size cannot be changed.
///
/// - Returns: A descriptor, or -1.
int GraftHDF5Window(uint64_t size);
