// What the files of the reader share.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "CHDF5.h"
#include "library.h"

// What the process calls itself. Who starts it refers to it by this, so that the linker puts it into the program.
extern char reader_name[];
// The numbers of its descriptors.
enum { READER_SOCKET = 3, READER_FILE = 4, READER_WINDOW = 5, READER_END = 6 };
// What its environment has beside the place of libraries: it locks no files, and loads no plugins of the library.
#define READER_ENVIRONMENT "HDF5_USE_FILE_LOCKING=FALSE", "HDF5_PLUGIN_PRELOAD=::"
enum { READER_VARIABLES = 2 };

// Bytes that grow. There is no answer without memory: the process ends.
typedef struct {
  unsigned char *bytes;
  size_t count;
  size_t capacity;
} Buffer;

void put(Buffer *buffer, const void *bytes, size_t count);
void put8(Buffer *buffer, uint8_t value);
void put32(Buffer *buffer, uint32_t value);
void put64(Buffer *buffer, uint64_t value);
void *allocate(size_t count);

// What the process does: it answers until nobody asks any more.
void run_reader(uint64_t memory, uint64_t seconds);

// Limits that hold from now on, without those that would stop the library from being loaded.
bool limit_resources(uint64_t seconds);
// Gives up all rights but to compute, and to answer. `memory` is what may be taken from now on.
bool give_up_rights(uint64_t memory);

// What the memory's type of a dataset is.
typedef struct {
  // To close; negative when the elements are no numbers.
  hid_t type;
  // What it is called in answers: a letter and a size, or GraftHDF5Class and a class.
  uint8_t kind;
  uint8_t size;
  bool is_big_endian;
  // Whether the file has the same numbers, but for their order.
  bool is_stored;
} MemoryType;

MemoryType memory_type(hid_t stored);

// Puts what an object is into the answer; whether the library could tell.
bool describe(hid_t object, Buffer *answer);
// Puts rows of a dataset into the window; whether the library could read them, and there is room.
bool read_rows(hid_t dataset, const GraftHDF5Request *request, void *window, size_t size);

// h5py's filter LZF, which is no part of the library.
bool register_lzf(void);
