#include "daemon/clocks/peer_thread.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "daemon/clocks/thread_stat.h"

namespace pulsed::clocks {
namespace {

namespace fs = std::filesystem;

constexpr int kMostScanned = 4096;

fs::path task_dir(pid_t pid) { return "/proc/" + std::to_string(pid) + "/task"; }

// The ids of a process or thread, from the pid namespace of /proc, which is the daemon's, to the innermost, which is what
// it sees itself.
struct Ids {
  std::uint32_t innermost;
  bool nested;  // in a pid namespace below the daemon's
};

std::optional<Ids> read_ids(const fs::path& process) {
  std::ifstream status(process / "status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind("NSpid:", 0) != 0) continue;
    std::istringstream numbers(line.substr(6));
    std::uint32_t id = 0;
    int count = 0;
    while (numbers >> id) ++count;
    if (count > 0) return Ids{id, count > 1};
  }
  return std::nullopt;
}

std::optional<PeerThread> confirm(pid_t pid, const fs::path& thread, std::uint32_t claimed) {
  const std::optional<Ids> ids = read_ids(thread);
  if (!ids || ids->innermost != claimed) return std::nullopt;
  const auto tid = static_cast<pid_t>(std::stol(thread.filename().string()));
  const std::optional<ThreadStat> stat = read_thread_stat(pid, tid);
  if (!stat) return std::nullopt;
  return PeerThread{pid, tid, stat->start_time};
}

}  // namespace

std::optional<PeerThread> find_thread(pid_t pid, std::uint32_t claimed) {
  const fs::path tasks = task_dir(pid);
  if (auto same = confirm(pid, tasks / std::to_string(claimed), claimed)) return same;
  // In the daemon's own namespace a thread has one number only, so there is nothing to look for.
  const std::optional<Ids> process = read_ids(tasks.parent_path());
  if (!process || !process->nested) return std::nullopt;
  std::error_code error;
  fs::directory_iterator entry(tasks, error);
  for (int i = 0; i < kMostScanned && !error && entry != fs::directory_iterator(); ++i) {
    if (auto found = confirm(pid, entry->path(), claimed)) return found;
    entry.increment(error);
  }
  return std::nullopt;
}

std::optional<char> scheduler_state(const PeerThread& thread) {
  const std::optional<ThreadStat> stat = read_thread_stat(thread.pid, thread.tid);
  if (!stat || stat->start_time != thread.start_time) return std::nullopt;
  return stat->state;
}

std::optional<std::string> wait_channel(const PeerThread& thread) {
  std::ifstream file(task_dir(thread.pid) / std::to_string(thread.tid) / "wchan");
  std::string name;
  std::getline(file, name);
  if (name.empty() || name == "0") return std::nullopt;
  return name;
}

}  // namespace pulsed::clocks
