// The numbers of datasets, as they are in memory: little-endian, in whole bytes.
#include <string.h>

#include "reader.h"

#define MAXIMUM_RANK 32

static hid_t integer_type(size_t size, bool is_signed) {
  switch (size) {
    case 1: return is_signed ? hdf5.H5T_STD_I8LE : hdf5.H5T_STD_U8LE;
    case 2: return is_signed ? hdf5.H5T_STD_I16LE : hdf5.H5T_STD_U16LE;
    case 4: return is_signed ? hdf5.H5T_STD_I32LE : hdf5.H5T_STD_U32LE;
    default: return is_signed ? hdf5.H5T_STD_I64LE : hdf5.H5T_STD_U64LE;
  }
}

static MemoryType integer(hid_t stored, size_t size, MemoryType result) {
  size_t precision = hdf5.H5Tget_precision(stored);
  bool is_signed = hdf5.H5Tget_sign(stored) == 1;
  result.is_stored = (size == 1 || size == 2 || size == 4 || size == 8) && precision == 8 * size;
  // The smallest that holds as many bits: of 17, four bytes.
  size_t whole = 1;
  while (whole < 8 && 8 * whole < (result.is_stored ? 8 * size : precision)) whole *= 2;
  if (precision == 0 || precision > 64) return result;
  result.type = hdf5.H5Tcopy(integer_type(whole, is_signed));
  result.kind = is_signed ? 'i' : 'u';
  result.size = (uint8_t)whole;
  return result;
}

static MemoryType floating_point(hid_t stored, size_t size, MemoryType result) {
  size_t sign, exponent, exponent_size, mantissa, mantissa_size;
  if (hdf5.H5Tget_fields(stored, &sign, &exponent, &exponent_size, &mantissa, &mantissa_size) < 0) return result;
  size_t precision = hdf5.H5Tget_precision(stored), bias = hdf5.H5Tget_ebias(stored);
  int order = hdf5.H5Tget_order(stored);
  // A leading one that is not stored, and neither of the orders of bytes that only a VAX has.
  bool is_usual = hdf5.H5Tget_norm(stored) == 0 && (order == H5T_ORDER_LE || order == H5T_ORDER_BE) && bias < 1 << 15;
  bool is_whole = is_usual && hdf5.H5Tget_offset(stored) == 0 && precision == 8 * size && mantissa == 0
                  && exponent == mantissa_size && sign == precision - 1
                  && bias == ((size_t)1 << (exponent_size - 1)) - 1;
  bool is_brain = is_whole && size == 2 && exponent_size == 8;
  if (is_brain || (is_whole && ((size == 2 && exponent_size == 5) || (size == 4 && exponent_size == 8) || (size == 8 && exponent_size == 11)))) {
    result.type = hdf5.H5Tcopy(stored);
    hdf5.H5Tset_order(result.type, H5T_ORDER_LE);
    result.kind = is_brain ? 'b' : 'f';
    result.size = (uint8_t)size;
    result.is_stored = true;
  } else if (precision >= 16 && exponent_size <= 11 && mantissa_size <= 52) {
    // Narrower ones have no infinities, or none that the library knows.
    bool is_single = exponent_size <= 8 && mantissa_size <= 23;
    result.type = hdf5.H5Tcopy(is_single ? hdf5.H5T_IEEE_F32LE : hdf5.H5T_IEEE_F64LE);
    result.kind = 'f';
    result.size = is_single ? 4 : 8;
  }
  return result;
}

MemoryType memory_type(hid_t stored) {
  int class = hdf5.H5Tget_class(stored);
  size_t size = hdf5.H5Tget_size(stored);
  MemoryType result = {-1, (uint8_t)(GraftHDF5Class | (class & 0x7F)), (uint8_t)(size < 255 ? size : 255), false, false};
  result.is_big_endian = (class == H5T_INTEGER || class == H5T_FLOAT) && hdf5.H5Tget_order(stored) == H5T_ORDER_BE;
  switch (class) {
    case H5T_INTEGER: return integer(stored, size, result);
    case H5T_FLOAT: return floating_point(stored, size, result);
    case H5T_OPAQUE:
      // Keras's way to store what NumPy has no type for: who asked knows the attribute that says so.
      result.type = size == 2 ? hdf5.H5Tcopy(stored) : -1;
      result.is_stored = true;
      return result;
    case H5T_ENUM:
      if (size != 1 || hdf5.H5Tget_nmembers(stored) != 2) return result;
      result.type = hdf5.H5Tcopy(stored);
      result.kind = '?';
      result.is_stored = true;
      return result;
    default: return result;
  }
}

// Selects the rows, and makes a space of their shape: of another one, the library would copy each element by itself.
//
// - Returns: The space; negative where the rows are not in the dataset.
static hid_t select_rows(hid_t space, const GraftHDF5Request *request) {
  hsize_t begin[MAXIMUM_RANK] = {request->first}, counts[MAXIMUM_RANK];
  int rank = hdf5.H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > MAXIMUM_RANK || hdf5.H5Sget_simple_extent_dims(space, counts, 0) != rank) return -1;
  // A scalar is one row.
  hsize_t rows = rank == 0 ? 1 : counts[0];
  if (request->first > rows || request->count > rows - request->first) return -1;
  counts[0] = request->count;
  if (rank > 0 && hdf5.H5Sselect_hyperslab(space, 0, begin, 0, counts, 0) < 0) return -1;
  return hdf5.H5Screate_simple(rank, counts, 0);
}

bool read_rows(hid_t dataset, const GraftHDF5Request *request, void *window, size_t size) {
  bool is_read = false;
  hid_t type = hdf5.H5Dget_type(dataset), space = hdf5.H5Dget_space(dataset);
  if (type >= 0 && space >= 0) {
    MemoryType memory = memory_type(type);
    hid_t rows = select_rows(space, request);
    int64_t count = rows < 0 ? -1 : hdf5.H5Sget_simple_extent_npoints(rows);
    if (memory.type >= 0 && count > 0 && (uint64_t)count <= size / memory.size) {
      is_read = hdf5.H5Dread(dataset, memory.type, rows, space, 0, window) >= 0;
    }
    if (rows >= 0) hdf5.H5Sclose(rows);
    if (memory.type >= 0) hdf5.H5Tclose(memory.type);
  }
  if (type >= 0) hdf5.H5Tclose(type);
  if (space >= 0) hdf5.H5Sclose(space);
  return is_read;
}
