// What /proc says of a thread, read without allocating or locking, so that the guardian may do so after fork(2).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pulsed::clocks {

struct ThreadStat {
  std::array<char, 16> name;  // terminated
  char state;                 // 'R', 'S', 'D', ... 'Z'
  std::int32_t nice;
  std::uint32_t policy;
  std::uint64_t start_time;  // in clock ticks since boot: tells a reused number apart
};

// Nothing if it cannot be had, and errno says why: ENOENT or ESRCH only if process `pid` has no such thread. Some 5 us.
[[nodiscard]] std::optional<ThreadStat> read_thread_stat(pid_t pid, pid_t tid);

// The text of /proc/<pid>/task/<tid>/stat taken apart; nothing if it is not that.
[[nodiscard]] std::optional<ThreadStat> parse_thread_stat(std::string_view text);

// Now, on the clock of start_time.
[[nodiscard]] std::uint64_t boot_ticks_now();

// "/proc/<pid>/task" or, of one thread, "/proc/<pid>/task/<tid>/<file>".
class ProcPath {
 public:
  explicit ProcPath(pid_t pid);
  ProcPath(pid_t pid, pid_t tid, std::string_view file);
  [[nodiscard]] const char* c_str() const { return text_.data(); }

 private:
  void append(std::string_view text);
  void append(pid_t number);
  std::array<char, 64> text_{};
  std::size_t length_ = 0;
};

}  // namespace pulsed::clocks
