#include "daemon/clocks/thread_stat.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "shared_memory/segment.h"

namespace pulsed::clocks {
namespace {

// Fields of proc(5), counted from 1; the name is field 2 and the only one that may hold blanks.
constexpr int kState = 3;
constexpr int kNice = 19;
constexpr int kStartTime = 22;
constexpr int kPolicy = 41;

template <typename Number>
bool parse(std::string_view word, Number& number) {
  const char* end = word.data() + word.size();
  return std::from_chars(word.data(), end, number).ptr == end && !word.empty();
}

bool take(int field, std::string_view word, ThreadStat& stat) {
  switch (field) {
    case kState:
      stat.state = word.empty() ? '?' : word[0];
      return word.size() == 1;
    case kNice:
      return parse(word, stat.nice);
    case kStartTime:
      return parse(word, stat.start_time);
    case kPolicy:
      return parse(word, stat.policy);
    default:
      return true;
  }
}

}  // namespace

ProcPath::ProcPath(pid_t pid) {
  append("/proc/");
  append(pid);
  append("/task");
}

ProcPath::ProcPath(pid_t pid, pid_t tid, std::string_view file) : ProcPath(pid) {
  append("/");
  append(tid);
  append("/");
  append(file);
}

void ProcPath::append(std::string_view text) {
  const std::size_t room = text_.size() - 1 - length_;
  length_ += text.copy(text_.data() + length_, room);
}

void ProcPath::append(pid_t number) {
  char* const end = text_.data() + text_.size() - 1;
  const auto result = std::to_chars(text_.data() + length_, end, number);
  length_ = static_cast<std::size_t>(result.ptr - text_.data());
}

std::optional<ThreadStat> parse_thread_stat(std::string_view text) {
  const std::size_t name = text.find('(');
  // The name may hold anything, so the fields after it are counted from the last parenthesis.
  const std::size_t name_end = text.rfind(')');
  if (name == std::string_view::npos || name_end == std::string_view::npos || name_end < name) {
    return std::nullopt;
  }
  ThreadStat stat{};
  text.substr(name + 1, name_end - name - 1).copy(stat.name.data(), stat.name.size() - 1);
  std::string_view rest = text.substr(name_end + 1);
  for (int field = kState; field <= kPolicy; ++field) {
    if (rest.empty() || rest[0] != ' ') return std::nullopt;
    rest.remove_prefix(1);
    const std::size_t length = std::min(rest.find_first_of(" \n"), rest.size());
    if (!take(field, rest.substr(0, length), stat)) return std::nullopt;
    rest.remove_prefix(length);
  }
  return stat;
}

std::optional<ThreadStat> read_thread_stat(pid_t pid, pid_t tid) {
  const shm::Fd file(::open(ProcPath(pid, tid, "stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  std::array<char, 1024> text;
  errno = EPROTO;
  const ssize_t bytes = ::read(file.get(), text.data(), text.size());
  if (bytes <= 0) return std::nullopt;
  const auto stat = parse_thread_stat({text.data(), static_cast<std::size_t>(bytes)});
  if (!stat) errno = EPROTO;
  return stat;
}

std::uint64_t boot_ticks_now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  return static_cast<std::uint64_t>(now.tv_sec) * ticks_per_second +
         static_cast<std::uint64_t>(now.tv_nsec) * ticks_per_second / kNanoseconds;
}

}  // namespace pulsed::clocks
