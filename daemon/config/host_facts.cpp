#include "daemon/config/host_facts.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "shared_memory/tick_clock.h"

// glibc 2.35 and later: the size of the registered area, 0 if there is none.
extern "C" {
extern const unsigned int __rseq_size __attribute__((weak));
}

namespace pulsed::config {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

Errno result_of(long returned) { return returned < 0 ? errno : 0; }

DirectoryFacts look_at_directory(const fs::path& path) {
  DirectoryFacts facts;
  facts.path = path;
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) {
    facts.exists = true;
    facts.is_directory = S_ISDIR(status.st_mode);
    facts.owner = status.st_uid;
    facts.mode = status.st_mode & 07777U;
    facts.usable = access(path.c_str(), W_OK | X_OK) == 0;
    return facts;
  }
  facts.parent = path.parent_path();
  while (facts.parent != facts.parent.parent_path() && access(facts.parent.c_str(), F_OK) != 0) {
    facts.parent = facts.parent.parent_path();
  }
  const bool directory = stat(facts.parent.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  facts.usable = directory && access(facts.parent.c_str(), W_OK | X_OK) == 0;
  return facts;
}

// Connects and hangs up at once, which a daemon takes as a service that changed its mind.
void look_at_socket(const fs::path& path, HostFacts& facts) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path.string();
  if (name.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, name.c_str(), name.size());
  const Descriptor fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return;
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  const Errno error = result_of(connect(fd.get(), raw, sizeof address));
  if (error == 0 || error == EAGAIN) {
    facts.attach_socket = AttachSocket::kServed;
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    if (error == 0 && known) facts.attach_pid = peer.pid;
  } else if (error == ECONNREFUSED) {
    facts.attach_socket = AttachSocket::kStale;
  } else if (error != ENOENT && error != ENOTDIR) {
    facts.attach_socket = AttachSocket::kUnusable;
  }
}

// On a thread that ends right after, so that nothing has to be put back.
void try_priorities(HostFacts& facts) {
  std::thread([&facts] {
    const auto self = static_cast<id_t>(syscall(SYS_gettid));
    facts.nice = result_of(setpriority(PRIO_PROCESS, self, -20));
    sched_param parameter{};
    parameter.sched_priority = 1;
    facts.fifo = result_of(sched_setscheduler(static_cast<pid_t>(self), SCHED_FIFO, &parameter));
  }).join();
}

// The kernel's struct sched_attr (sched_setattr(2)), as it first was.
struct SchedAttr {
  static constexpr std::uint64_t kResetOnFork = 1;
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::array<std::uint64_t, 3> deadline;
};
static_assert(sizeof(SchedAttr) == 48);

// What is done to a hog's thread, done to one of ours that ends right after. Anyone may lower; raising again is the test.
// A generous RLIMIT_NICE would let us raise this thread, and not one of a service: so RESET_ON_FORK is taken back too, which
// the kernel allows to CAP_SYS_NICE alone, and to that of the first user namespace.
Errno try_demotion() {
  Errno error = 0;
  std::thread([&error] {
    SchedAttr before{};
    error = result_of(syscall(SYS_sched_getattr, 0, &before, sizeof before, 0));
    if (error != 0) return;
    SchedAttr lowered = before;
    lowered.size = sizeof lowered;
    lowered.policy = SCHED_OTHER;
    lowered.flags = SchedAttr::kResetOnFork;
    lowered.nice = std::max(before.nice, 13);
    lowered.priority = 0;
    error = result_of(syscall(SYS_sched_setattr, 0, &lowered, 0));
    if (error != 0) return;
    SchedAttr raised = lowered;
    raised.flags = 0;
    raised.nice = before.nice;
    error = result_of(syscall(SYS_sched_setattr, 0, &raised, 0));
  }).join();
  return error;
}

Errno try_task_clock() {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_TASK_CLOCK;
  const long fd = syscall(SYS_perf_event_open, &attr, getpid(), -1, -1, PERF_FLAG_FD_CLOEXEC);
  const Errno error = result_of(fd);
  if (fd >= 0) close(static_cast<int>(fd));
  return error;
}

bool has_capability(unsigned bit) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("CapEff:")) continue;
    const unsigned long long mask = std::strtoull(line.c_str() + 7, nullptr, 16);
    return (mask >> bit & 1U) != 0;
  }
  return false;
}

std::optional<int> read_paranoia() {
  std::ifstream file("/proc/sys/kernel/perf_event_paranoid");
  int value = 0;
  if (file >> value) return value;
  return {};
}

Errno try_future_write_seal() {
  const Descriptor fd(memfd_create("pulsed-check", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return errno;
  const Errno error = result_of(ftruncate(fd.get(), 4096));
  if (error != 0) return error;
  return result_of(fcntl(fd.get(), F_ADD_SEALS,
                         F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL));
}

Errno try_pidfd_open() {
  const long fd = syscall(SYS_pidfd_open, getpid(), 0);
  const Errno error = result_of(fd);
  if (fd >= 0) close(static_cast<int>(fd));
  return error;
}

Errno try_peer_pidfd() {
  constexpr int kSoPeerPidfd = 77;
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return errno;
  const Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  int fd = -1;
  socklen_t size = sizeof fd;
  const Errno error = result_of(getsockopt(ours.get(), SOL_SOCKET, kSoPeerPidfd, &fd, &size));
  if (error == 0) close(fd);
  return error;
}

std::uint64_t descriptor_limit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : 0;
}

}  // namespace

HostFacts look_at_host(const fs::path& run_dir, const fs::path& state_dir) {
  constexpr unsigned kSysAdmin = 21;
  constexpr unsigned kSysNice = 23;
  constexpr unsigned kPerfmon = 38;
  HostFacts facts;
  facts.uid = geteuid();
  facts.run_dir = look_at_directory(run_dir);
  facts.state_dir = look_at_directory(state_dir);
  look_at_socket(run_dir / "attach.sock", facts);
  try_priorities(facts);
  facts.demotion = try_demotion();
  facts.sys_nice = has_capability(kSysNice);
  facts.task_clock = try_task_clock();
  facts.perfmon = has_capability(kPerfmon) || has_capability(kSysAdmin);
  facts.perf_event_paranoid = read_paranoia();
  facts.tsc = shm::clock_kind(&facts.tsc_why) == PULSED_CLOCK_TSC;
  facts.future_write_seal = try_future_write_seal();
  facts.pidfd_open = try_pidfd_open();
  facts.peer_pidfd = try_peer_pidfd();
  facts.rseq = &__rseq_size != nullptr && __rseq_size > 0;
  facts.descriptors = descriptor_limit();
  return facts;
}

}  // namespace pulsed::config
