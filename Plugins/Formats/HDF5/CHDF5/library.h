// The functions of libhdf5 that are called, found in the shared library at run time. From 1.10 to 2.0 they are the
// same; https://support.hdfgroup.org/documentation/hdf5/latest/_r_m.html
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef int64_t hid_t;
typedef int herr_t;
typedef uint64_t hsize_t;
typedef uint64_t haddr_t;

#define HADDR_UNDEF UINT64_MAX
enum { H5I_GROUP = 2, H5I_DATASET = 5 };
enum { H5T_INTEGER = 0, H5T_FLOAT = 1, H5T_STRING = 3, H5T_OPAQUE = 5, H5T_ENUM = 8 };
enum { H5T_ORDER_LE = 0, H5T_ORDER_BE = 1 };
enum { H5S_SIMPLE = 1, H5S_NULL = 2 };
enum { H5D_COMPACT = 0, H5D_CONTIGUOUS = 1, H5D_CHUNKED = 2, H5D_VIRTUAL = 3 };
enum { H5_INDEX_NAME = 0, H5_INDEX_CRT_ORDER = 1, H5_ITER_INC = 0 };
enum { H5Z_FLAG_REVERSE = 0x100 };

// H5L_info_t of 1.10, H5L_info1_t of later versions.
typedef struct {
  int type;
  bool corder_valid;
  int64_t corder;
  int cset;
  union {
    haddr_t address;
    size_t val_size;
  } u;
} H5L_info_t;

typedef struct {
  hid_t cls_id, maj_num, min_num;
  unsigned line;
  const char *func_name, *file_name, *desc;
} H5E_error2_t;

typedef struct {
  void *(*image_malloc)(size_t, int, void *);
  void *(*image_memcpy)(void *, const void *, size_t, int, void *);
  void *(*image_realloc)(void *, size_t, int, void *);
  herr_t (*image_free)(void *, int, void *);
  void *(*udata_copy)(void *);
  herr_t (*udata_free)(void *);
  void *udata;
} H5FD_file_image_callbacks_t;

typedef size_t H5Z_func_t(unsigned, size_t, const unsigned[], size_t, size_t *, void **);

typedef struct {
  int version, id;
  unsigned encoder_present, decoder_present;
  const char *name;
  void *can_apply, *set_local;
  H5Z_func_t *filter;
} H5Z_class2_t;

typedef herr_t H5L_iterate_t(hid_t, const char *, const H5L_info_t *, void *);
typedef herr_t H5A_operator2_t(hid_t, const char *, const void *, void *);
typedef herr_t H5E_walk2_t(unsigned, const H5E_error2_t *, void *);

#define HDF5_FUNCTIONS(FIND) \
  FIND(herr_t, H5open, (void)) \
  FIND(herr_t, H5get_libversion, (unsigned *, unsigned *, unsigned *)) \
  FIND(void *, H5allocate_memory, (size_t, bool)) \
  FIND(herr_t, H5free_memory, (void *)) \
  FIND(herr_t, H5Aclose, (hid_t)) \
  FIND(hid_t, H5Aget_space, (hid_t)) \
  FIND(hid_t, H5Aget_type, (hid_t)) \
  FIND(herr_t, H5Aiterate2, (hid_t, int, int, hsize_t *, H5A_operator2_t *, void *)) \
  FIND(hid_t, H5Aopen, (hid_t, const char *, hid_t)) \
  FIND(herr_t, H5Aread, (hid_t, hid_t, void *)) \
  FIND(hid_t, H5Dget_create_plist, (hid_t)) \
  FIND(herr_t, H5Dget_num_chunks, (hid_t, hid_t, hsize_t *)) \
  FIND(haddr_t, H5Dget_offset, (hid_t)) \
  FIND(hid_t, H5Dget_space, (hid_t)) \
  FIND(hsize_t, H5Dget_storage_size, (hid_t)) \
  FIND(hid_t, H5Dget_type, (hid_t)) \
  FIND(hid_t, H5Dopen2, (hid_t, const char *, hid_t)) \
  FIND(herr_t, H5Dread, (hid_t, hid_t, hid_t, hid_t, hid_t, void *)) \
  FIND(herr_t, H5Eset_auto2, (hid_t, void *, void *)) \
  FIND(herr_t, H5Ewalk2, (hid_t, int, H5E_walk2_t *, void *)) \
  FIND(hid_t, H5Fopen, (const char *, unsigned, hid_t)) \
  FIND(hid_t, H5Gget_create_plist, (hid_t)) \
  FIND(hid_t, H5Gopen2, (hid_t, const char *, hid_t)) \
  FIND(int, H5Iget_type, (hid_t)) \
  FIND(herr_t, H5Oclose, (hid_t)) \
  FIND(hid_t, H5Oopen_by_addr, (hid_t, haddr_t)) \
  FIND(herr_t, H5Pclose, (hid_t)) \
  FIND(hid_t, H5Pcreate, (hid_t)) \
  FIND(int, H5Pget_chunk, (hid_t, int, hsize_t *)) \
  FIND(int, H5Pget_external_count, (hid_t)) \
  FIND(int, H5Pget_layout, (hid_t)) \
  FIND(herr_t, H5Pget_link_creation_order, (hid_t, unsigned *)) \
  FIND(herr_t, H5Pget_virtual_count, (hid_t, size_t *)) \
  FIND(ssize_t, H5Pget_virtual_dsetname, (hid_t, size_t, char *, size_t)) \
  FIND(ssize_t, H5Pget_virtual_filename, (hid_t, size_t, char *, size_t)) \
  FIND(hid_t, H5Pget_virtual_vspace, (hid_t, size_t)) \
  FIND(herr_t, H5Pset_cache, (hid_t, int, size_t, size_t, double)) \
  FIND(herr_t, H5Pset_fapl_core, (hid_t, size_t, bool)) \
  FIND(herr_t, H5Pset_file_image, (hid_t, void *, size_t)) \
  FIND(herr_t, H5Pset_file_image_callbacks, (hid_t, H5FD_file_image_callbacks_t *)) \
  FIND(herr_t, H5Sclose, (hid_t)) \
  FIND(hid_t, H5Screate_simple, (int, const hsize_t *, const hsize_t *)) \
  FIND(int64_t, H5Sget_select_npoints, (hid_t)) \
  FIND(int, H5Sget_simple_extent_dims, (hid_t, hsize_t *, hsize_t *)) \
  FIND(int, H5Sget_simple_extent_ndims, (hid_t)) \
  FIND(int64_t, H5Sget_simple_extent_npoints, (hid_t)) \
  FIND(int, H5Sget_simple_extent_type, (hid_t)) \
  FIND(herr_t, H5Sselect_hyperslab, (hid_t, int, const hsize_t *, const hsize_t *, const hsize_t *, const hsize_t *)) \
  FIND(herr_t, H5Tclose, (hid_t)) \
  FIND(hid_t, H5Tcopy, (hid_t)) \
  FIND(int, H5Tget_class, (hid_t)) \
  FIND(int, H5Tget_cset, (hid_t)) \
  FIND(size_t, H5Tget_ebias, (hid_t)) \
  FIND(herr_t, H5Tget_fields, (hid_t, size_t *, size_t *, size_t *, size_t *, size_t *)) \
  FIND(int, H5Tget_nmembers, (hid_t)) \
  FIND(int, H5Tget_norm, (hid_t)) \
  FIND(int, H5Tget_offset, (hid_t)) \
  FIND(int, H5Tget_order, (hid_t)) \
  FIND(size_t, H5Tget_precision, (hid_t)) \
  FIND(int, H5Tget_sign, (hid_t)) \
  FIND(size_t, H5Tget_size, (hid_t)) \
  FIND(int, H5Tis_variable_str, (hid_t)) \
  FIND(herr_t, H5Tset_cset, (hid_t, int)) \
  FIND(herr_t, H5Tset_order, (hid_t, int)) \
  FIND(herr_t, H5Tset_size, (hid_t, size_t)) \
  FIND(herr_t, H5Zregister, (const H5Z_class2_t *))

#define HDF5_IDENTIFIERS(FIND) \
  FIND(H5P_CLS_FILE_ACCESS_ID) \
  FIND(H5T_C_S1) \
  FIND(H5T_STD_I8LE) \
  FIND(H5T_STD_I16LE) \
  FIND(H5T_STD_I32LE) \
  FIND(H5T_STD_I64LE) \
  FIND(H5T_STD_U8LE) \
  FIND(H5T_STD_U16LE) \
  FIND(H5T_STD_U32LE) \
  FIND(H5T_STD_U64LE) \
  FIND(H5T_IEEE_F32LE) \
  FIND(H5T_IEEE_F64LE)

typedef struct {
#define DECLARE(result, name, parameters) result(*name) parameters;
  HDF5_FUNCTIONS(DECLARE)
#undef DECLARE
#define DECLARE(name) hid_t name;
  HDF5_IDENTIFIERS(DECLARE)
#undef DECLARE
  herr_t (*H5Literate)(hid_t, int, int, hsize_t *, H5L_iterate_t *, void *);
  unsigned version[3];
} Library;

extern Library hdf5;

// Loads the library and starts it.
//
// - Returns: What it lacks; NULL when it is there.
const char *load_library(void);
