#define _GNU_SOURCE
#include "CForkedReader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "reader.h"

int StartForkedReader(int file, int socket, int window, uint64_t memory, uint64_t seconds, pid_t *process) {
  static char *environment[] = {READER_ENVIRONMENT, NULL};
  load_library();
  *process = fork();
  if (*process != 0) return *process < 0 ? errno : 0;
  // Before the library reads it. What sets a variable would wait for other threads, of which there are none here.
  environ = environment;
  // Out of the way of the numbers that they are to have.
  const int given[] = {open("/dev/null", O_RDWR), socket, file, window};
  int moved[4];
  for (int index = 0; index < 4; index++) moved[index] = fcntl(given[index], F_DUPFD, READER_END);
  for (int number = 0; number < READER_END; number++) {
    if (dup2(moved[number < READER_SOCKET ? 0 : number - READER_SOCKET + 1], number) < 0) _exit(errno);
  }
  if (close_range(READER_END, ~0U, 0) != 0 || setsid() < 0) _exit(errno);
  run_reader(memory, seconds);
  _exit(0);
}
