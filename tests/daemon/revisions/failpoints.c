// A library to preload: kills the process at a chosen file system call, fails that call, or cuts a write short before the
// kill. What to do stands in the file that PULSED_FAILPOINTS names, and may change while the process runs:
//
//   <plan> <call> <action> <directory>
//
// The calls on paths in the directory are counted from 1 from the first on that sees this plan, a number that is new each
// time. Action: `count`; `kill`, before the call; `torn`, after half a write; `errno`, as `28`, or `28+`: that call and all
// later ones fail with it. Each call is added to the file of that name with `.calls` as `<plan> <number> <function> <path>`.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define PATH_BYTES 4096

struct plan {
  long id;
  long call;
  char action[16];
  char directory[PATH_BYTES];
};

enum verdict { GO_ON, FAIL, TEAR };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long current_plan;
static long calls;

static int read_plan(struct plan* plan) {
  const char* path = getenv("PULSED_FAILPOINTS");
  if (path == NULL) return 0;
  const long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[PATH_BYTES + 64];
  const long n = syscall(SYS_read, fd, text, sizeof text - 1);
  syscall(SYS_close, fd);
  if (n <= 0) return 0;
  text[n] = '\0';
  return sscanf(text, "%ld %ld %15s %4095s", &plan->id, &plan->call, plan->action,
                plan->directory) == 4;
}

static void record(const struct plan* plan, const char* function, const char* path) {
  char name[PATH_BYTES];
  char line[PATH_BYTES + 128];
  snprintf(name, sizeof name, "%s.calls", getenv("PULSED_FAILPOINTS"));
  const int length =
      snprintf(line, sizeof line, "%ld %ld %s %s\n", plan->id, calls, function, path);
  const long fd =
      syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return;
  syscall(SYS_write, fd, line, length);
  syscall(SYS_close, fd);
}

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

// With FAIL, errno is set.
static enum verdict judge(const struct plan* plan) {
  if (strcmp(plan->action, "count") == 0 || calls < plan->call) return GO_ON;
  const int for_good = plan->action[strlen(plan->action) - 1] == '+';
  if (calls > plan->call && !for_good) return GO_ON;
  if (strcmp(plan->action, "kill") == 0) die();
  if (strcmp(plan->action, "torn") == 0) return TEAR;
  errno = atoi(plan->action);
  return FAIL;
}

static enum verdict pass(const char* function, const char* path) {
  struct plan plan;
  const int saved = errno;
  if (!read_plan(&plan)) {
    errno = saved;
    return GO_ON;
  }
  const size_t length = strlen(plan.directory);
  const int under =
      strncmp(path, plan.directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
  errno = saved;
  if (!under) return GO_ON;
  pthread_mutex_lock(&mutex);
  if (plan.id != current_plan) calls = 0;
  current_plan = plan.id;
  ++calls;
  record(&plan, function, path);
  errno = saved;
  const enum verdict verdict = judge(&plan);
  pthread_mutex_unlock(&mutex);
  return verdict;
}

static enum verdict pass_fd(const char* function, int fd) {
  char link[64];
  char path[PATH_BYTES];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const int saved = errno;
  const long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  errno = saved;
  path[n < 0 ? 0 : n] = '\0';
  return pass(function, path);
}

static enum verdict pass_at(const char* function, int dir, const char* name) {
  if (dir == AT_FDCWD || name[0] == '/') return pass(function, name);
  char link[64];
  char path[2 * PATH_BYTES];
  snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
  const int saved = errno;
  const long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_BYTES);
  errno = saved;
  if (n < 0) return GO_ON;
  snprintf(path + n, sizeof path - (size_t)n, "/%s", name);
  return pass(function, path);
}

// The function of that name that ours stands before.
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                    \
  EXPORT int name(const char* path, int flags, ...) { \
    va_list arguments;                                \
    va_start(arguments, flags);                       \
    const mode_t mode = mode_of(flags, arguments);    \
    va_end(arguments);                                \
    if (pass("open", path) == FAIL) return -1;        \
    return NEXT(name)(path, flags, mode);             \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                           \
  EXPORT int name(int dir, const char* path, int flags, ...) { \
    va_list arguments;                                         \
    va_start(arguments, flags);                                \
    const mode_t mode = mode_of(flags, arguments);             \
    va_end(arguments);                                         \
    if (pass_at("open", dir, path) == FAIL) return -1;         \
    return NEXT(name)(dir, path, flags, mode);                 \
  }
OPENAT(openat)
OPENAT(openat64)

EXPORT ssize_t write(int fd, const void* bytes, size_t count) {
  const enum verdict verdict = pass_fd("write", fd);
  if (verdict == FAIL) return -1;
  if (verdict == TEAR) {
    NEXT(write)(fd, bytes, count / 2);
    die();
  }
  return NEXT(write)(fd, bytes, count);
}

EXPORT int fsync(int fd) { return pass_fd("fsync", fd) == FAIL ? -1 : NEXT(fsync)(fd); }

EXPORT int fdatasync(int fd) { return pass_fd("fsync", fd) == FAIL ? -1 : NEXT(fdatasync)(fd); }

EXPORT int mkdir(const char* path, mode_t mode) {
  return pass("mkdir", path) == FAIL ? -1 : NEXT(mkdir)(path, mode);
}

EXPORT int rename(const char* from, const char* to) {
  return pass("rename", from) == FAIL ? -1 : NEXT(rename)(from, to);
}

EXPORT int renameat(int from_dir, const char* from, int to_dir, const char* to) {
  return pass_at("rename", from_dir, from) == FAIL ? -1
                                                   : NEXT(renameat)(from_dir, from, to_dir, to);
}

EXPORT int unlink(const char* path) {
  return pass("unlink", path) == FAIL ? -1 : NEXT(unlink)(path);
}

EXPORT int unlinkat(int dir, const char* path, int flags) {
  return pass_at("unlink", dir, path) == FAIL ? -1 : NEXT(unlinkat)(dir, path, flags);
}
