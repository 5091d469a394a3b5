#include "daemon/act/offspring.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "daemon/act/demotion_file.h"
#include "daemon/act/priority_swap.h"
#include "shared_memory/segment.h"

namespace pulsed::act {
namespace {

// Threads of the isolation pool that lower themselves.
constexpr std::string_view kIsolationThreads = "pulsed-iso-";

// A directory of /proc whose names are numbers, read without opendir(3), which allocates.
class NumberedEntries {
 public:
  explicit NumberedEntries(const char* path)
      : fd_(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

  // False at the end.
  bool next(pid_t& number, std::uint64_t& inode) {
    while (at_ < length_ || fill()) {
      dirent64 header;
      constexpr std::size_t kHeader = offsetof(dirent64, d_name);
      std::memcpy(&header, buffer_.data() + at_, kHeader);
      const char* name = buffer_.data() + at_ + kHeader;
      at_ += header.d_reclen;
      inode = header.d_ino;
      const char* end = name + std::strlen(name);
      if (std::from_chars(name, end, number).ptr == end && number > 0) return true;
    }
    return false;
  }

 private:
  bool fill() {
    if (!fd_.valid()) return false;
    const long bytes = ::syscall(SYS_getdents64, fd_.get(), buffer_.data(), buffer_.size());
    at_ = 0;
    length_ = bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
    return length_ > 0;
  }

  shm::Fd fd_;
  std::array<char, 4096> buffer_;
  std::size_t at_ = 0;
  std::size_t length_ = 0;
};

// The last so many numbers of a text that lists them: the kernel lists the youngest child last.
class YoungestChildren {
 public:
  YoungestChildren(pid_t pid, pid_t tid) {
    const shm::Fd file(::open(ProcPath(pid, tid, "children").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return;
    std::array<char, 1024> text;
    pid_t number = 0;
    for (int i = 0; i < kMostReads; ++i) {
      const ssize_t bytes = ::read(file.get(), text.data(), text.size());
      if (bytes <= 0) break;
      for (ssize_t c = 0; c < bytes; ++c) {
        const char digit = text[static_cast<std::size_t>(c)];
        if (digit >= '0' && digit <= '9') {
          number = number * 10 + (digit - '0');
        } else if (number != 0) {
          pids_[count_++ % pids_.size()] = number;
          number = 0;
        }
      }
    }
    if (number != 0) pids_[count_++ % pids_.size()] = number;
  }
  [[nodiscard]] const pid_t* begin() const { return pids_.data(); }
  [[nodiscard]] const pid_t* end() const { return pids_.data() + std::min(count_, pids_.size()); }

 private:
  static constexpr int kMostReads = 64;
  std::array<pid_t, OffspringSearch::kChildren> pids_{};
  std::size_t count_ = 0;
};

bool runs_at(const SchedAttr& priority, const ThreadStat& stat) {
  return stat.policy == priority.policy && stat.nice == priority.nice;
}

bool could_be_offspring(const DemotedThread& parent, const ThreadStat& stat) {
  return stat.start_time >= parent.since_boot_ticks && runs_at(parent.applied, stat) &&
         !std::string_view(stat.name.data()).starts_with(kIsolationThreads);
}

}  // namespace

bool OffspringSearch::was_given(const ThreadStat& stat) const {
  for (std::uint32_t i = 0; i < ledger_.file_->high(); ++i) {
    const DemotionEntry& entry = ledger_.file_->entries[i];
    if (state_of(entry.word.load(std::memory_order_acquire)) != EntryState::kFree &&
        runs_at(entry.demoted.applied, stat)) {
      return true;
    }
  }
  return false;
}

bool OffspringSearch::is_held(pid_t tid) const {
  for (std::uint32_t i = 0; i < ledger_.file_->high(); ++i) {
    const DemotionEntry& entry = ledger_.file_->entries[i];
    // acquire: pairs with hold(), which comes before the thread is lowered
    if (state_of(entry.word.load(std::memory_order_acquire)) == EntryState::kHeld &&
        entry.demoted.thread.tid == tid) {
      return true;
    }
  }
  return false;
}

bool OffspringSearch::look(const DemotedThread& parent) {
  // Both, whatever the first comes to.
  const bool threads = look_at_threads(parent, parent.thread.pid, kGenerations);
  const bool children =
      look_at_children(parent, parent.thread.pid, parent.thread.tid, kGenerations);
  return threads && children;
}

bool OffspringSearch::look_at_threads(const DemotedThread& parent, pid_t pid, int generation) {
  bool complete = true;
  NumberedEntries threads(ProcPath(pid).c_str());
  pid_t tid = 0;
  std::uint64_t inode = 0;
  while (threads.next(tid, inode)) {
    complete = look_at_thread(parent, pid, tid, inode) && complete;
    if (generation < kGenerations && generation > 0) {
      complete = look_at_children(parent, pid, tid, generation) && complete;
    }
  }
  return complete;
}

bool OffspringSearch::look_at_thread(const DemotedThread& parent, pid_t pid, pid_t tid,
                                     std::uint64_t inode) {
  Known& known_thread = known(tid);
  if (known_thread.tid == tid && known_thread.inode == inode) return true;
  if (looks_left_ == 0) return false;
  --looks_left_;
  const std::optional<ThreadStat> stat = read_thread_stat(pid, tid);
  if (!stat) return true;
  // What it inherited was decided when it began, so once is enough; but this one may be another's offspring.
  if (!was_given(*stat)) known_thread = {inode, tid};
  // First its priority, then the ledger: a thread is held before it is lowered.
  if (could_be_offspring(parent, *stat) && !is_held(tid)) {
    SchedAttr inherited = parent.applied;
    inherited.flags = 0;
    (void)swap_priority({pid, tid, stat->start_time}, inherited, handed_on(parent.before));
  }
  return true;
}

bool OffspringSearch::look_at_children(const DemotedThread& parent, pid_t pid, pid_t tid,
                                       int generation) {
  if (generation == 0) return true;
  if (looks_left_ == 0) return false;
  --looks_left_;
  bool complete = true;
  for (const pid_t child : YoungestChildren(pid, tid)) {
    if (looks_left_ == 0) return false;
    --looks_left_;
    const std::optional<ThreadStat> stat = read_thread_stat(child, child);
    if (!stat || stat->start_time < parent.since_boot_ticks) continue;
    complete = look_at_threads(parent, child, generation - 1) && complete;
  }
  return complete;
}

}  // namespace pulsed::act
