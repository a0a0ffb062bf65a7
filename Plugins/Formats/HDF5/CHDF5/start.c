// What runs in the process that wants a file read.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reader.h"

// Sees the program first, before the libraries that it has loaded.
static int is_inside(struct dl_phdr_info *object, size_t size, void *address) {
  (void)size;
  for (int index = 0; index < object->dlpi_phnum; index++) {
    uintptr_t begin = object->dlpi_addr + object->dlpi_phdr[index].p_vaddr;
    if (object->dlpi_phdr[index].p_type == PT_LOAD && (uintptr_t)address - begin < object->dlpi_phdr[index].p_memsz) {
      return 1;
    }
  }
  return -1;
}

int GraftHDF5CanStart(void) {
#ifdef __GLIBC__
  return dl_iterate_phdr(is_inside, (void *)(uintptr_t)&GraftHDF5CanStart) > 0;
#else
  return 0;
#endif
}

int GraftHDF5Window(uint64_t size) {
  int window = memfd_create("graft-hdf5", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (window < 0) return -1;
  if (ftruncate(window, (off_t)size) == 0 && fcntl(window, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
    return window;
  }
  close(window);
  return -1;
}

// The only variable that goes along says where libraries are. The library's own could have it load others.
// Returns what is to be freed.
static char *make_environment(char *environment[READER_VARIABLES + 2]) {
  char *const own[READER_VARIABLES] = {READER_ENVIRONMENT};
  int count = 0;
  while (count < READER_VARIABLES) {
    environment[count] = own[count];
    count++;
  }
  const char *libraries = getenv("LD_LIBRARY_PATH");
  char *path = NULL;
  if (libraries && asprintf(&path, "LD_LIBRARY_PATH=%s", libraries) < 0) path = NULL;
  if (path) environment[count++] = path;
  environment[count] = NULL;
  return path;
}

int GraftHDF5Start(int file, int socket, int window, uint64_t memory, uint64_t seconds, pid_t *process) {
  char memory_text[24], seconds_text[24];
  snprintf(memory_text, sizeof memory_text, "%" PRIu64, memory);
  snprintf(seconds_text, sizeof seconds_text, "%" PRIu64, seconds);
  char *arguments[] = {reader_name, memory_text, seconds_text, NULL};
  char *environment[READER_VARIABLES + 2];
  char *path = make_environment(environment);

  // Out of the way of the numbers that they are to have.
  const int given[] = {socket, file, window}, wanted[] = {READER_SOCKET, READER_FILE, READER_WINDOW};
  int moved[3] = {-1, -1, -1};
  int status = 0;
  for (int index = 0; index < 3 && status == 0; index++) {
    moved[index] = fcntl(given[index], F_DUPFD_CLOEXEC, READER_END);
    if (moved[index] < 0) status = errno;
  }
  if (status == 0) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    for (int index = 0; index < 3 && status == 0; index++) {
      status = posix_spawn_file_actions_addopen(&actions, index, "/dev/null", O_RDWR, 0);
    }
    for (int index = 0; index < 3 && status == 0; index++) {
      status = posix_spawn_file_actions_adddup2(&actions, moved[index], wanted[index]);
    }
    if (status == 0) status = posix_spawn_file_actions_addclosefrom_np(&actions, READER_END);
    // The terminal's signals are for others: this process ends when nobody asks it anything any more.
    if (status == 0) status = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    if (status == 0) status = posix_spawn(process, "/proc/self/exe", &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  for (int index = 0; index < 3; index++) {
    if (moved[index] >= 0) close(moved[index]);
  }
  free(path);
  return status;
}
