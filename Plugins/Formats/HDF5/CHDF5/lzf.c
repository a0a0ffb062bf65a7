// The filter LZF of h5py, number 32000: bytes as they are, and copies of what came before.
//
// A byte below 32 says that one more than that many bytes follow as they are. Of any other, the upper three bits are
// two less than a copy's length, or seven when the next byte adds to it; the lower five and the next byte are one less
// than its distance.
#include <string.h>

#include "reader.h"

// How long the bytes become, which are written when there is where to; 0 when they are damaged.
static size_t expand(const unsigned char *from, size_t count, unsigned char *to) {
  size_t length = 0;
  for (size_t index = 0; index < count;) {
    size_t control = from[index++];
    if (control < 32) {
      size_t run = control + 1;
      if (run > count - index) return 0;
      if (to) memcpy(to + length, from + index, run);
      index += run;
      length += run;
      continue;
    }
    size_t run = control >> 5;
    if (run == 7) {
      if (index == count) return 0;
      run += from[index++];
    }
    run += 2;
    if (index == count) return 0;
    size_t distance = ((control & 31) << 8 | from[index++]) + 1;
    if (distance > length) return 0;
    // A copy may overlap what it makes.
    for (size_t copied = 0; to && copied < run; copied++) to[length + copied] = to[length + copied - distance];
    length += run;
  }
  return length;
}

static size_t
filter(unsigned flags, size_t parameters, const unsigned values[], size_t count, size_t *capacity, void **bytes) {
  (void)parameters, (void)values;
  if (!(flags & H5Z_FLAG_REVERSE)) return 0;
  size_t length = expand(*bytes, count, 0);
  void *expanded = length ? hdf5.H5allocate_memory(length, false) : 0;
  if (!expanded) return 0;
  expand(*bytes, count, expanded);
  hdf5.H5free_memory(*bytes);
  *bytes = expanded;
  *capacity = length;
  return length;
}

bool register_lzf(void) {
  static const H5Z_class2_t lzf = {1, 32000, 0, 1, "lzf", 0, 0, filter};
  return hdf5.H5Zregister(&lzf) >= 0;
}
