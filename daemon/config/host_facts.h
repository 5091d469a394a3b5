// What `pulsed --check` finds on a machine. Looked at in one place, judged in another (check.h), so
// that every judgement can be tested on any machine.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace pulsed::config {

// An error number, or 0 when the thing worked.
using Errno = int;

struct DirectoryFacts {
  std::filesystem::path path;
  bool exists = false;
  bool is_directory = false;
  uid_t owner = 0;
  mode_t mode = 0;  // permission bits
  bool usable =
      false;  // may be searched and written by us; of the nearest parent when it does not exist
  std::filesystem::path parent;  // the nearest that exists, when it does not
};

enum class AttachSocket : std::uint8_t {
  kNone,      // nothing at that path
  kStale,     // left by a daemon that is gone
  kServed,    // a daemon answers
  kUnusable,  // something else stands there, or it may not be connected to
};

struct HostFacts {
  uid_t uid = 0;
  DirectoryFacts run_dir;
  DirectoryFacts state_dir;
  AttachSocket attach_socket = AttachSocket::kNone;
  pid_t attach_pid = 0;   // of the daemon that answers
  Errno nice = 0;         // nice -20 for a thread of ours
  Errno fifo = 0;         // SCHED_FIFO for a thread of ours
  Errno demotion = 0;     // a thread of ours lowered, and raised again by right alone
  bool sys_nice = false;  // CAP_SYS_NICE, if perhaps of our user namespace alone
  Errno task_clock = 0;   // a task clock on a thread of ours
  bool perfmon = false;   // CAP_PERFMON or CAP_SYS_ADMIN: the same for other users' threads
  std::optional<int> perf_event_paranoid;
  bool tsc = false;  // timestamps come from the invariant TSC
  std::string tsc_why;
  Errno future_write_seal = 0;
  Errno pidfd_open = 0;
  Errno peer_pidfd = 0;
  bool rseq = false;              // registered by glibc
  std::uint64_t descriptors = 0;  // hard RLIMIT_NOFILE
};

[[nodiscard]] HostFacts look_at_host(const std::filesystem::path& run_dir,
                                     const std::filesystem::path& state_dir);

}  // namespace pulsed::config
