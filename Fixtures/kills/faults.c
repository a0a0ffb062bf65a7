// Runs a program and lets the N-th of its calls that change files go wrong, whichever thread or process makes it:
//   faults LOG MODE N PROGRAM [ARGUMENT…]
// MODE is `kill` (before the call), `torn` (after half of it, if it writes), or the name of an error, after which the
// call fails; with `-on` at its end, as in ENOSPC-on, all later calls that need space fail too. N = 0 changes nothing. LOG
// gets a line for each call. Ends as the program does; with 137 where it was killed.
//
// What only reads is not counted: a kill there leaves what one before the next change leaves.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITES = 1, TAKES_DESCRIPTOR = 2, NEEDS_SPACE = 4 };

// `path` is the argument that is a path, or -1.
static const struct call { int number; const char *name; int path; int kind; } calls[] = {
    {SYS_openat, "openat", 1, NEEDS_SPACE},
    {SYS_open, "open", 0, NEEDS_SPACE},
    {SYS_creat, "creat", 0, NEEDS_SPACE},
    {SYS_write, "write", -1, WRITES | TAKES_DESCRIPTOR | NEEDS_SPACE},
    {SYS_pwrite64, "pwrite64", -1, WRITES | TAKES_DESCRIPTOR | NEEDS_SPACE},
    {SYS_writev, "writev", -1, TAKES_DESCRIPTOR | NEEDS_SPACE},
    {SYS_pwritev, "pwritev", -1, TAKES_DESCRIPTOR | NEEDS_SPACE},
    {SYS_ftruncate, "ftruncate", -1, TAKES_DESCRIPTOR},
    {SYS_truncate, "truncate", 0, 0},
    {SYS_fallocate, "fallocate", -1, TAKES_DESCRIPTOR | NEEDS_SPACE},
    {SYS_copy_file_range, "copy_file_range", -1, NEEDS_SPACE},
    {SYS_sendfile, "sendfile", -1, TAKES_DESCRIPTOR | NEEDS_SPACE},
    {SYS_ioctl, "ioctl FICLONE", -1, TAKES_DESCRIPTOR | NEEDS_SPACE},
    {SYS_rename, "rename", 1, NEEDS_SPACE},
    {SYS_renameat, "renameat", 3, NEEDS_SPACE},
    {SYS_renameat2, "renameat2", 3, NEEDS_SPACE},
    {SYS_link, "link", 1, NEEDS_SPACE},
    {SYS_linkat, "linkat", 3, NEEDS_SPACE},
    {SYS_symlink, "symlink", 1, NEEDS_SPACE},
    {SYS_symlinkat, "symlinkat", 2, NEEDS_SPACE},
    {SYS_unlink, "unlink", 0, 0},
    {SYS_unlinkat, "unlinkat", 1, 0},
    {SYS_mkdir, "mkdir", 0, NEEDS_SPACE},
    {SYS_mkdirat, "mkdirat", 1, NEEDS_SPACE},
    {SYS_rmdir, "rmdir", 0, 0},
    {SYS_fsync, "fsync", -1, TAKES_DESCRIPTOR | NEEDS_SPACE},
    {SYS_fdatasync, "fdatasync", -1, TAKES_DESCRIPTOR | NEEDS_SPACE},
    {SYS_chmod, "chmod", 0, 0},
    {SYS_fchmod, "fchmod", -1, TAKES_DESCRIPTOR},
    {SYS_fchmodat, "fchmodat", 1, 0},
    {SYS_utimensat, "utimensat", 1, 0},
    {SYS_flock, "flock", -1, TAKES_DESCRIPTOR},
};
enum { CALLS = sizeof calls / sizeof *calls };

static const struct { const char *name; int number; } errors[] = {
    {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO}, {"EINVAL", EINVAL}};

static void install_filter(void) {
  struct sock_filter filter[CALLS + 3];
  int count = 0;
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < CALLS; i++)
    filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, CALLS - i, 0);
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  struct sock_fprog program = {count, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) perror("seccomp"), _exit(126);
}

static void read_text(pid_t process, unsigned long address, char *text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", process);
  int memory = open(path, O_RDONLY);
  ssize_t count = pread(memory, text, size - 1, address);
  close(memory);
  text[count < 0 ? 0 : count] = 0;
}

// Whether a call changes a file; where it does, the file's name.
static int changes_file(pid_t process, const struct call *call, const struct user_regs_struct *registers, char *name) {
  unsigned long arguments[] = {registers->rdi, registers->rsi, registers->rdx, registers->r10};
  name[0] = 0;
  if (call->path >= 0) read_text(process, arguments[call->path], name, 4096);
  int changes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
  if (call->number == SYS_openat || call->number == SYS_open) {
    unsigned long flags = arguments[call->number == SYS_openat ? 2 : 1];
    return flags & changes && strncmp(name, "/dev/", 5) && strncmp(name, "/proc/", 6);
  }
  if (call->number == SYS_ioctl && arguments[1] != FICLONE) return 0;
  if (call->kind & TAKES_DESCRIPTOR) {
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%lu", process, arguments[0]);
    ssize_t count = readlink(link, name, 4095);
    name[count < 0 ? 0 : count] = 0;
    return arguments[0] > 2 && name[0] == '/' && strncmp(name, "/dev/", 5) && strncmp(name, "/memfd:", 7);
  }
  return 1;
}

int main(int count, char **arguments) {
  if (count < 5) return fprintf(stderr, "faults LOG MODE N PROGRAM [ARGUMENT…]\n"), 2;
  FILE *log = fopen(arguments[1], "w");
  if (!log) return perror(arguments[1]), 2;
  const char *mode = arguments[2];
  int kills = !strcmp(mode, "kill"), tears = !strcmp(mode, "torn"), error = 0;
  int goes_on = strlen(mode) > 3 && !strcmp(mode + strlen(mode) - 3, "-on");
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (!strncmp(mode, errors[i].name, strlen(errors[i].name))) error = errors[i].number;
  if (!kills && !tears && !error) return fprintf(stderr, "unknown mode %s\n", mode), 2;
  long wanted = atol(arguments[3]), number = 0;

  pid_t child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    install_filter();
    execvp(arguments[4], arguments + 4);
    perror(arguments[4]);
    _exit(127);
  }
  int status;
  waitpid(child, &status, WUNTRACED);
  ptrace(PTRACE_SEIZE, child, 0,
         PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL);
  kill(child, SIGCONT);
  for (;;) {
    pid_t thread = waitpid(-1, &status, __WALL);
    if (thread < 0) return 2;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (thread != child) continue;
      fclose(log);
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_SECCOMP) {
      struct user_regs_struct registers;
      ptrace(PTRACE_GETREGS, thread, 0, &registers);
      const struct call *call = calls;
      while (call < calls + CALLS && call->number != (int)registers.orig_rax) call++;
      char name[4096];
      if (call < calls + CALLS && changes_file(thread, call, &registers, name)) {
        // Errors are about space: what needs none is not counted then.
        int counts = !error || call->kind & NEEDS_SPACE;
        if (counts) fprintf(log, "%ld %s %s\n", ++number, call->name, name), fflush(log);
        if (counts && wanted > 0 && (number == wanted || (goes_on && number > wanted))) {
          if (error) {
            registers.orig_rax = -1;
            registers.rax = -error;
            ptrace(PTRACE_SETREGS, thread, 0, &registers);
          } else if (tears && call->kind & WRITES && registers.rdx > 1) {
            registers.rdx /= 2;
            ptrace(PTRACE_SETREGS, thread, 0, &registers);
            ptrace(PTRACE_SYSCALL, thread, 0, 0);
            waitpid(thread, &status, __WALL);
            kill(child, SIGKILL);
          } else {
            kill(child, SIGKILL);
          }
        }
      }
      ptrace(PTRACE_CONT, thread, 0, 0);
    } else if (event) {
      ptrace(PTRACE_CONT, thread, 0, 0);
    } else {
      ptrace(PTRACE_CONT, thread, 0, signal == SIGTRAP || signal == SIGSTOP ? 0 : signal);
    }
  }
}
