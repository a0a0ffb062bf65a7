// What the process may no longer do once the library is loaded, before it sees a byte of the file.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "reader.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

// Limits a resource, unless there is a lower limit already, as batch systems set them. The first has a signal of its own.
static bool limit_twice(int resource, uint64_t first, uint64_t last) {
  struct rlimit limits;
  if (getrlimit(resource, &limits) != 0) return false;
  if (limits.rlim_max > last) limits.rlim_max = last;
  limits.rlim_cur = first < limits.rlim_max ? first : limits.rlim_max;
  return setrlimit(resource, &limits) == 0;
}

static bool limit(int resource, uint64_t value) { return limit_twice(resource, value, value); }

bool limit_resources(uint64_t seconds) {
  return limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit_twice(RLIMIT_CPU, seconds, seconds + 1);
}

// The bytes of address space that are taken.
static uint64_t taken(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  if (fscanf(file, "%lu", &pages) != 1) pages = 0;
  fclose(file);
  return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

#define ALLOW(call) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
// The same, unless the third argument asks for memory that can be executed.
#define ALLOW_DATA(call) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 4), \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])), \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), BPF_STMT(BPF_RET | BPF_K, REFUSED), \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSED (SECCOMP_RET_ERRNO | EACCES)

static bool filter_calls(void) {
#ifdef ARCHITECTURE
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(read),
    ALLOW(write),
    ALLOW(brk),
    ALLOW_DATA(mmap),
    ALLOW_DATA(mprotect),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(futex),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(restart_syscall),
    ALLOW(exit_group),
    BPF_STMT(BPF_RET | BPF_K, REFUSED),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
#else
  return false;
#endif
}

bool give_up_rights(uint64_t memory) {
  return limit(RLIMIT_AS, taken() + memory) && limit(RLIMIT_NOFILE, 0) && limit(RLIMIT_NPROC, 0)
         && prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_calls();
}
