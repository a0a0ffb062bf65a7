// The process that reads a file: it opens the library, gives up its rights, opens the file, and answers until nobody
// asks any more.
#define _GNU_SOURCE
#include "reader.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

char reader_name[] = "graft-hdf5-reader";

// MARK: Answers

void *allocate(size_t count) {
  void *bytes = malloc(count);
  if (!bytes) _exit(ENOMEM);
  return bytes;
}

void put(Buffer *buffer, const void *bytes, size_t count) {
  if (count > buffer->capacity - buffer->count) {
    size_t capacity = 2 * buffer->capacity + count;
    unsigned char *larger = realloc(buffer->bytes, capacity);
    if (!larger) _exit(ENOMEM);
    buffer->bytes = larger;
    buffer->capacity = capacity;
  }
  if (count > 0) memcpy(buffer->bytes + buffer->count, bytes, count);
  buffer->count += count;
}

void put8(Buffer *buffer, uint8_t value) { put(buffer, &value, sizeof value); }
void put32(Buffer *buffer, uint32_t value) { put(buffer, &value, sizeof value); }
void put64(Buffer *buffer, uint64_t value) { put(buffer, &value, sizeof value); }

static void write_all(const void *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(READER_SOCKET, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(0);
    bytes = (const char *)bytes + written;
    count -= (size_t)written;
  }
}

static void answer(uint32_t status, const void *bytes, size_t count) {
  GraftHDF5Answer head = {GraftHDF5Magic, status, count};
  write_all(&head, sizeof head);
  write_all(bytes, count);
}

static void answer_text(uint32_t status, const char *text) { answer(status, text, strlen(text)); }

// The first error is where the fault is.
static herr_t keep_error(unsigned index, const H5E_error2_t *error, void *context) {
  if (index == 0 && error->desc) snprintf(context, 256, "%s", error->desc);
  return 0;
}

static void answer_failure(void) {
  char text[256] = "";
  hdf5.H5Ewalk2(0, 0, keep_error, text);
  answer_text(GraftHDF5Failed, text);
}

// MARK: The file

// The library takes the file for a copy in memory, and neither copies nor frees it.
static struct {
  void *bytes;
  size_t size;
} image, window;

static void *give_image(size_t size, int operation, void *context) {
  (void)operation, (void)context;
  return size == image.size ? image.bytes : 0;
}

static void *copy_nothing(void *to, const void *from, size_t size, int operation, void *context) {
  (void)from, (void)size, (void)operation, (void)context;
  return to;
}

static void *resize_nothing(void *bytes, size_t size, int operation, void *context) {
  (void)bytes, (void)size, (void)operation, (void)context;
  return 0;
}

static herr_t free_nothing(void *bytes, int operation, void *context) {
  (void)bytes, (void)operation, (void)context;
  return 0;
}

static bool map_files(void) {
  struct stat status;
  if (fstat(READER_FILE, &status) != 0 || status.st_size <= 0) return false;
  image.size = (size_t)status.st_size;
  image.bytes = mmap(0, image.size, PROT_READ, MAP_PRIVATE, READER_FILE, 0);
  if (fstat(READER_WINDOW, &status) != 0 || status.st_size <= 0) return false;
  window.size = (size_t)status.st_size;
  window.bytes = mmap(0, window.size, PROT_READ | PROT_WRITE, MAP_SHARED, READER_WINDOW, 0);
  close(READER_FILE);
  close(READER_WINDOW);
  return image.bytes != MAP_FAILED && window.bytes != MAP_FAILED;
}

// How much of a dataset's chunks is kept: of virtual datasets, parts of a chunk are asked for again.
#define CHUNK_CACHE ((size_t)32 << 20)
// What the library takes for itself.
#define OWN_MEMORY ((uint64_t)64 << 20)

static hid_t open_image(void) {
  H5FD_file_image_callbacks_t callbacks = {give_image, copy_nothing, resize_nothing, free_nothing, 0, 0, 0};
  hid_t access = hdf5.H5Pcreate(hdf5.H5P_CLS_FILE_ACCESS_ID);
  if (access < 0 || hdf5.H5Pset_fapl_core(access, 1 << 20, false) < 0) return -1;
  if (hdf5.H5Pset_cache(access, 0, 521, CHUNK_CACHE, 0.75) < 0) return -1;
  if (hdf5.H5Pset_file_image_callbacks(access, &callbacks) < 0) return -1;
  if (hdf5.H5Pset_file_image(access, image.bytes, image.size) < 0) return -1;
  // There must be no file of this name, nor could it be opened.
  return hdf5.H5Fopen("image", 0, access);
}

// MARK: Questions

static bool read_request(GraftHDF5Request *request) {
  size_t done = 0;
  while (done < sizeof *request) {
    ssize_t count = read(READER_SOCKET, (char *)request + done, sizeof *request - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += (size_t)count;
  }
  return true;
}

static void serve(hid_t file) {
  GraftHDF5Request request;
  // The object of the last question stays open, and with it what it keeps of its chunks.
  hid_t object = -1;
  uint64_t address = 0;
  while (read_request(&request)) {
    if (object < 0 || request.address != address) {
      if (object >= 0) hdf5.H5Oclose(object);
      address = request.address;
      object = address == 0 ? hdf5.H5Gopen2(file, "/", 0) : hdf5.H5Oopen_by_addr(file, address);
    }
    Buffer description = {0};
    bool is_fine = false;
    if (object >= 0 && request.kind == GraftHDF5Describe) is_fine = describe(object, &description);
    if (object >= 0 && request.kind == GraftHDF5Read && hdf5.H5Iget_type(object) == H5I_DATASET) {
      is_fine = read_rows(object, &request, window.bytes, window.size);
    }
    if (is_fine) {
      answer(GraftHDF5Fine, description.bytes, description.count);
    } else {
      answer_failure();
    }
    free(description.bytes);
  }
}

// What the process that started this one ignores, and what its runtime does about crashes, is not for this one.
static void reset_signals(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
}

void run_reader(uint64_t memory, uint64_t seconds) {
  reset_signals();
  if (!limit_resources(seconds)) return answer_text(GraftHDF5NoSandbox, "");
  const char *lack = load_library();
  if (lack) return answer_text(GraftHDF5NoLibrary, lack);
  if (!register_lzf() || !map_files()) return answer_failure();
  if (!give_up_rights(memory + CHUNK_CACHE + OWN_MEMORY)) return answer_text(GraftHDF5NoSandbox, "");
  // Whatever happens from here on is the file's doing.
  answer(GraftHDF5Fine, 0, 0);
  hid_t file = open_image();
  if (file < 0) return answer_failure();
  char version[40];
  snprintf(version, sizeof version, "%u.%u.%u", hdf5.version[0], hdf5.version[1], hdf5.version[2]);
  answer_text(GraftHDF5Fine, version);
  serve(file);
}

#ifdef __GLIBC__
// Before everything else of the program: what it would do does not happen. Other C libraries do not say what the
// program was started for.
__attribute__((constructor(101))) static void start(int count, char **arguments) {
  if (count != 3 || !arguments[0] || strcmp(arguments[0], reader_name) != 0) return;
  run_reader(strtoull(arguments[1], 0, 10), strtoull(arguments[2], 0, 10));
  _exit(0);
}
#endif
