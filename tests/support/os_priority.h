// OS priorities of threads as the kernel says them: of the calling thread, and of every thread of a process from outside.
//
//   const PriorityWatch watch(shop.pid());
//   ...
//   CHECK(wait_until([&] { return watch.changed().empty(); }));
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace pulsed::test {

struct OsPriority {
  std::uint32_t policy = 0;  // SCHED_*
  std::int32_t nice = 0;
  std::uint32_t real_time = 0;
  bool resets_on_fork = false;
  friend bool operator==(const OsPriority&, const OsPriority&) = default;
  friend std::ostream& operator<<(std::ostream& out, const OsPriority& p);
};

// Of the thread, 0 being the calling one. Nothing if there is no such thread.
[[nodiscard]] std::optional<OsPriority> priority_of(pid_t tid);

struct ThreadSeen {
  pid_t tid;
  std::string name;
  OsPriority priority;
  friend std::ostream& operator<<(std::ostream& out, const ThreadSeen& t);
};
[[nodiscard]] std::vector<ThreadSeen> threads_of(pid_t pid);

// Remembers the priorities that a process's threads had when it was made. Threads that began later are held to that of its
// first thread.
class PriorityWatch {
 public:
  explicit PriorityWatch(pid_t pid);
  // The threads that now have another. Of a process that has gone: none.
  [[nodiscard]] std::vector<ThreadSeen> changed() const;

 private:
  pid_t pid_;
  std::map<pid_t, OsPriority> before_;
};

}  // namespace pulsed::test
