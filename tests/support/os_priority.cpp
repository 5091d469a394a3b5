#include "tests/support/os_priority.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace pulsed::test {
namespace {

namespace fs = std::filesystem;

// The first version of the kernel's struct sched_attr; its header does not go together with glibc's.
struct Attributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime;
  std::uint64_t deadline;
  std::uint64_t period;
};
constexpr std::uint64_t kResetOnFork = 1;

}  // namespace

std::ostream& operator<<(std::ostream& out, const OsPriority& p) {
  return out << "policy " << p.policy << ", nice " << p.nice << ", real-time " << p.real_time
             << (p.resets_on_fork ? ", reset on fork" : "");
}

std::ostream& operator<<(std::ostream& out, const ThreadSeen& t) {
  return out << t.name << " (" << t.tid << "): " << t.priority;
}

std::optional<OsPriority> priority_of(pid_t tid) {
  Attributes a{};
  a.size = sizeof(a);
  if (::syscall(SYS_sched_getattr, tid, &a, sizeof(a), 0) != 0) return {};
  return OsPriority{a.policy, a.nice, a.priority, (a.flags & kResetOnFork) != 0};
}

std::vector<ThreadSeen> threads_of(pid_t pid) {
  std::vector<ThreadSeen> threads;
  std::error_code gone;
  const fs::directory_iterator tasks("/proc/" + std::to_string(pid) + "/task", gone);
  for (auto it = tasks; it != fs::directory_iterator{}; it.increment(gone)) {
    const pid_t tid = std::stoi(it->path().filename().string());
    const std::optional<OsPriority> priority = priority_of(tid);
    std::string name;
    std::ifstream comm(it->path() / "comm");
    if (priority && std::getline(comm, name)) threads.push_back({tid, name, *priority});
    if (gone) break;
  }
  return threads;
}

PriorityWatch::PriorityWatch(pid_t pid) : pid_(pid) {
  for (const ThreadSeen& thread : threads_of(pid)) before_.emplace(thread.tid, thread.priority);
}

std::vector<ThreadSeen> PriorityWatch::changed() const {
  std::vector<ThreadSeen> all = threads_of(pid_);
  std::erase_if(all, [&](const ThreadSeen& thread) {
    const auto known = before_.find(thread.tid);
    return thread.priority == (known != before_.end() ? known->second : before_.at(pid_));
  });
  return all;
}

}  // namespace pulsed::test
