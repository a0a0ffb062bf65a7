#include "library.h"

#include <dlfcn.h>

Library hdf5;

// The newest first: of Debian, then as the HDF Group and Conda name it.
static const char *const file_names[] = {
  "libhdf5_serial.so.320", "libhdf5.so.320", "libhdf5_serial.so.310", "libhdf5.so.310", "libhdf5_serial.so.200",
  "libhdf5.so.200",        "libhdf5_serial.so.103", "libhdf5.so.103",
};

const char *load_library(void) {
  void *handle = 0;
  for (size_t index = 0; !handle && index < sizeof file_names / sizeof *file_names; index++) {
    handle = dlopen(file_names[index], RTLD_NOW | RTLD_LOCAL);
  }
  if (!handle) return "";
#define FIND(result, name, parameters) \
  hdf5.name = (__typeof__(hdf5.name))dlsym(handle, #name); \
  if (!hdf5.name) return #name;
  HDF5_FUNCTIONS(FIND)
#undef FIND
  // It has a number where there is a newer function for objects that are not found by their addresses.
  hdf5.H5Literate = (__typeof__(hdf5.H5Literate))dlsym(handle, "H5Literate1");
  if (!hdf5.H5Literate) hdf5.H5Literate = (__typeof__(hdf5.H5Literate))dlsym(handle, "H5Literate");
  if (!hdf5.H5Literate) return "H5Literate";
  if (hdf5.H5open() < 0) return "H5open";
  // They have their values only now.
#define FIND(name) \
  const hid_t *name = dlsym(handle, #name "_g"); \
  if (!name) return #name; \
  hdf5.name = *name;
  HDF5_IDENTIFIERS(FIND)
#undef FIND
  hdf5.H5get_libversion(&hdf5.version[0], &hdf5.version[1], &hdf5.version[2]);
  hdf5.H5Eset_auto2(0, 0, 0);
  return 0;
}
