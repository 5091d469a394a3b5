#include "daemon/clocks/peer_thread.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace pulsed::clocks {
namespace {

namespace fs = std::filesystem;

fs::path task_dir(pid_t pid) { return "/proc/" + std::to_string(pid) + "/task"; }

// The last number of the NSpid line: the id in the innermost namespace, which is what the thread itself sees.
std::optional<std::uint32_t> innermost_id(const fs::path& thread) {
  std::ifstream status(thread / "status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind("NSpid:", 0) != 0) continue;
    std::istringstream ids(line.substr(6));
    std::uint32_t id = 0;
    bool any = false;
    while (ids >> id) any = true;
    if (any) return id;
  }
  return std::nullopt;
}

struct Stat {
  char state;
  std::uint64_t start_time;
};

std::optional<Stat> read_stat(const fs::path& thread) {
  std::ifstream file(thread / "stat");
  std::string text;
  std::getline(file, text);
  // The name in parentheses may hold anything, so the fields are counted from the last one.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  Stat stat{};
  fields >> stat.state;
  std::string skipped;
  constexpr int kBetween = 18;  // state is field 3, starttime field 22
  for (int i = 0; i < kBetween; ++i) fields >> skipped;
  if (!(fields >> stat.start_time)) return std::nullopt;
  return stat;
}

std::optional<PeerThread> confirm(pid_t pid, const fs::path& thread, std::uint32_t claimed) {
  if (innermost_id(thread) != claimed) return std::nullopt;
  const std::optional<Stat> stat = read_stat(thread);
  if (!stat) return std::nullopt;
  return PeerThread{pid, static_cast<pid_t>(std::stol(thread.filename().string())),
                    stat->start_time};
}

}  // namespace

std::optional<PeerThread> find_thread(pid_t pid, std::uint32_t claimed) {
  const fs::path tasks = task_dir(pid);
  if (auto same = confirm(pid, tasks / std::to_string(claimed), claimed)) return same;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(tasks, error)) {
    if (auto found = confirm(pid, entry.path(), claimed)) return found;
  }
  return std::nullopt;
}

std::optional<char> scheduler_state(const PeerThread& thread) {
  const std::optional<Stat> stat = read_stat(task_dir(thread.pid) / std::to_string(thread.tid));
  if (!stat || stat->start_time != thread.start_time) return std::nullopt;
  return stat->state;
}

}  // namespace pulsed::clocks
