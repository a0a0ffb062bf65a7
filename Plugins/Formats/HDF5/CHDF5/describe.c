// What groups and datasets are. Everything that is put here is read by `LibraryObject`.
#include <stdlib.h>
#include <string.h>

#include "reader.h"

// The most extents that a shape has.
#define MAXIMUM_RANK 32
// Virtual datasets may be made of virtual ones.
#define MAXIMUM_DEPTH 8

// MARK: Attributes

typedef struct {
  Buffer texts;
  uint32_t count;
} Attributes;

// Elements of a fixed size, or of any.
static bool put_texts(hid_t attribute, hid_t type, size_t count, Buffer *buffer) {
  bool is_variable = hdf5.H5Tis_variable_str(type) > 0;
  size_t size = hdf5.H5Tget_size(type);
  // What the library returns may not be larger than what it is given: it multiplies as well.
  if (size == 0 || count > SIZE_MAX / size) return false;
  char *elements = allocate(count * size + 1);
  memset(elements, 0, count * size + 1);
  hid_t memory = hdf5.H5Tcopy(type);
  bool is_read = hdf5.H5Aread(attribute, memory, elements) >= 0;
  for (size_t index = 0; is_read && index < count; index++) {
    const char *text = elements + index * size;
    size_t most = size;
    if (is_variable) {
      memcpy(&text, elements + index * size, sizeof text);
      most = text ? SIZE_MAX : 0;
    }
    size_t length = 0;
    while (length < most && text[length]) length++;
    put64(buffer, length);
    put(buffer, text, length);
    if (is_variable && text) hdf5.H5free_memory((void *)text);
  }
  hdf5.H5Tclose(memory);
  free(elements);
  return is_read;
}

// Those that are a text, or a list of texts; others do not matter.
static herr_t put_attribute(hid_t object, const char *name, const void *info, void *context) {
  (void)info;
  Attributes *attributes = context;
  hid_t attribute = hdf5.H5Aopen(object, name, 0);
  if (attribute < 0) return -1;
  hid_t type = hdf5.H5Aget_type(attribute), space = hdf5.H5Aget_space(attribute);
  int rank = space < 0 ? -1 : hdf5.H5Sget_simple_extent_ndims(space);
  bool is_fine = type >= 0 && rank >= 0;
  if (is_fine && rank <= 1 && hdf5.H5Tget_class(type) == H5T_STRING && hdf5.H5Sget_simple_extent_type(space) != H5S_NULL) {
    int64_t count = hdf5.H5Sget_simple_extent_npoints(space);
    put64(&attributes->texts, strlen(name));
    put(&attributes->texts, name, strlen(name));
    put8(&attributes->texts, rank == 0);
    put64(&attributes->texts, (uint64_t)count);
    is_fine = count >= 0 && put_texts(attribute, type, (size_t)count, &attributes->texts);
    attributes->count++;
  }
  if (type >= 0) hdf5.H5Tclose(type);
  if (space >= 0) hdf5.H5Sclose(space);
  hdf5.H5Aclose(attribute);
  return is_fine ? 0 : -1;
}

static bool put_attributes(hid_t object, Buffer *answer) {
  Attributes attributes = {0};
  bool is_fine = hdf5.H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, 0, put_attribute, &attributes) >= 0;
  put32(answer, attributes.count);
  put(answer, attributes.texts.bytes, attributes.texts.count);
  free(attributes.texts.bytes);
  return is_fine;
}

// MARK: Groups

static herr_t put_link(hid_t group, const char *name, const H5L_info_t *info, void *context) {
  (void)group;
  Buffer *answer = context;
  put8(answer, 1);
  put64(answer, strlen(name));
  put(answer, name, strlen(name));
  put8(answer, (uint8_t)info->type);
  put64(answer, info->type == 0 ? info->u.address : 0);
  return 0;
}

// In the order in which they were made, where the group knows it.
static bool put_links(hid_t group, Buffer *answer) {
  unsigned order = 0;
  hid_t properties = hdf5.H5Gget_create_plist(group);
  if (properties < 0) return false;
  bool is_fine = hdf5.H5Pget_link_creation_order(properties, &order) >= 0;
  hdf5.H5Pclose(properties);
  int index = order & 1 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  is_fine = is_fine && hdf5.H5Literate(group, index, H5_ITER_INC, 0, put_link, answer) >= 0;
  put8(answer, 0);
  return is_fine;
}

// MARK: Datasets

static bool is_written(hid_t dataset, hid_t properties, hid_t space, int depth);

// Whether a dataset that a virtual one is made of is all there. Its name is a path from the file's root, with or without
// a slash in front.
static bool has_source(hid_t dataset, const char *name, int depth) {
  hid_t root = hdf5.H5Gopen2(dataset, "/", 0);
  if (root < 0) return false;
  hid_t source = hdf5.H5Dopen2(root, name, 0);
  hdf5.H5Oclose(root);
  if (source < 0) return false;
  hid_t properties = hdf5.H5Dget_create_plist(source), space = hdf5.H5Dget_space(source);
  bool is_there = properties >= 0 && space >= 0 && is_written(source, properties, space, depth);
  if (properties >= 0) hdf5.H5Pclose(properties);
  if (space >= 0) hdf5.H5Sclose(space);
  hdf5.H5Oclose(source);
  return is_there;
}

// Whether every element has its place in a dataset of this file that was written.
static int virtual_storage(hid_t dataset, hid_t properties, hid_t space, int depth) {
  size_t count = 0;
  if (depth > MAXIMUM_DEPTH || hdf5.H5Pget_virtual_count(properties, &count) < 0) return GraftHDF5LacksPart;
  int64_t mapped = 0;
  for (size_t index = 0; index < count; index++) {
    char file[2] = {0}, name[1024];
    if (hdf5.H5Pget_virtual_filename(properties, index, file, sizeof file) != 1 || file[0] != '.') {
      return GraftHDF5Outside;
    }
    ssize_t length = hdf5.H5Pget_virtual_dsetname(properties, index, name, sizeof name);
    // A percent sign stands for a number of sources that is not known.
    if (length <= 0 || (size_t)length >= sizeof name || strchr(name, '%')) return GraftHDF5LacksPart;
    hid_t part = hdf5.H5Pget_virtual_vspace(properties, index);
    int64_t points = part < 0 ? -1 : hdf5.H5Sget_select_npoints(part);
    if (part >= 0) hdf5.H5Sclose(part);
    if (points < 0 || points > INT64_MAX - mapped || !has_source(dataset, name, depth + 1)) return GraftHDF5LacksPart;
    mapped += points;
  }
  return mapped >= hdf5.H5Sget_simple_extent_npoints(space) ? GraftHDF5OtherLayout : GraftHDF5LacksPart;
}

static int chunked_storage(hid_t dataset, hid_t properties, hid_t space) {
  int rank = hdf5.H5Sget_simple_extent_ndims(space);
  hsize_t extents[MAXIMUM_RANK], chunk[MAXIMUM_RANK], there = 0, needed = 1;
  if (rank < 1 || rank > MAXIMUM_RANK || hdf5.H5Sget_simple_extent_dims(space, extents, 0) != rank) {
    return GraftHDF5LacksChunk;
  }
  if (hdf5.H5Pget_chunk(properties, rank, chunk) != rank) return GraftHDF5LacksChunk;
  for (int axis = 0; axis < rank; axis++) {
    if (chunk[axis] == 0) return GraftHDF5LacksChunk;
    hsize_t count = extents[axis] / chunk[axis] + (extents[axis] % chunk[axis] != 0);
    if (count != 0 && needed > UINT64_MAX / count) return GraftHDF5LacksChunk;
    needed *= count;
  }
  if (needed == 0) return GraftHDF5Chunked;
  if (hdf5.H5Dget_num_chunks(dataset, space, &there) < 0) return GraftHDF5LacksChunk;
  return there >= needed ? GraftHDF5Chunked : there == 0 ? GraftHDF5NeverWritten : GraftHDF5LacksChunk;
}

static int storage(hid_t dataset, hid_t properties, hid_t space, int depth) {
  if (hdf5.H5Pget_external_count(properties) > 0) return GraftHDF5Outside;
  bool is_empty = hdf5.H5Sget_simple_extent_npoints(space) == 0;
  switch (hdf5.H5Pget_layout(properties)) {
    case H5D_COMPACT: return GraftHDF5OtherLayout;
    case H5D_CONTIGUOUS:
      return is_empty || hdf5.H5Dget_offset(dataset) != HADDR_UNDEF ? GraftHDF5Contiguous : GraftHDF5NeverWritten;
    case H5D_CHUNKED: return chunked_storage(dataset, properties, space);
    case H5D_VIRTUAL: return virtual_storage(dataset, properties, space, depth);
    default: return GraftHDF5NeverWritten;
  }
}

static bool is_written(hid_t dataset, hid_t properties, hid_t space, int depth) {
  int kind = storage(dataset, properties, space, depth);
  return kind < GraftHDF5Outside;
}

static bool put_dataset(hid_t dataset, Buffer *answer) {
  hid_t type = hdf5.H5Dget_type(dataset), space = hdf5.H5Dget_space(dataset);
  hid_t properties = hdf5.H5Dget_create_plist(dataset);
  bool is_fine = type >= 0 && space >= 0 && properties >= 0;
  if (is_fine) {
    MemoryType memory = memory_type(type);
    put8(answer, memory.kind);
    put8(answer, memory.size);
    put8(answer, memory.is_big_endian);
    put8(answer, memory.is_stored);
    if (memory.type >= 0) hdf5.H5Tclose(memory.type);

    int rank = hdf5.H5Sget_simple_extent_ndims(space);
    hsize_t extents[MAXIMUM_RANK] = {0}, chunk[MAXIMUM_RANK] = {0};
    is_fine = rank >= 0 && rank <= MAXIMUM_RANK && hdf5.H5Sget_simple_extent_dims(space, extents, 0) == rank;
    put8(answer, hdf5.H5Sget_simple_extent_type(space) == H5S_NULL);
    int kind = storage(dataset, properties, space, 0);
    put8(answer, (uint8_t)kind);
    put64(answer, hdf5.H5Dget_offset(dataset));
    // What a virtual one has is others'.
    put64(answer, hdf5.H5Pget_layout(properties) == H5D_VIRTUAL ? 0 : hdf5.H5Dget_storage_size(dataset));
    put8(answer, (uint8_t)rank);
    if (kind == GraftHDF5Chunked) hdf5.H5Pget_chunk(properties, rank, chunk);
    for (int axis = 0; axis < rank; axis++) {
      put64(answer, extents[axis]);
      put64(answer, chunk[axis]);
    }
  }
  if (type >= 0) hdf5.H5Tclose(type);
  if (space >= 0) hdf5.H5Sclose(space);
  if (properties >= 0) hdf5.H5Pclose(properties);
  return is_fine;
}

bool describe(hid_t object, Buffer *answer) {
  int kind = hdf5.H5Iget_type(object);
  put8(answer, kind == H5I_GROUP ? GraftHDF5Group : kind == H5I_DATASET ? GraftHDF5Dataset : GraftHDF5Other);
  switch (kind) {
    case H5I_GROUP: return put_attributes(object, answer) && put_links(object, answer);
    case H5I_DATASET: return put_attributes(object, answer) && put_dataset(object, answer);
    default: return true;
  }
}
