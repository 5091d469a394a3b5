#include "daemon/act/offspring.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
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

// A thread that began so much before another, in clock ticks, comes before it in the list of threads.
constexpr std::uint64_t kTicksApart = 100;

// The threads of a process in the kernel's order, the youngest last; read without opendir(3), which allocates.
class ThreadList {
 public:
  explicit ThreadList(pid_t pid)
      : fd_(::open(ProcPath(pid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

  [[nodiscard]] std::size_t size() const {
    struct stat st {};
    return ::fstat(fd_.get(), &st) == 0 && st.st_nlink > kDots ? st.st_nlink - kDots : 0;
  }
  // Goes on with the thread at this place in the list.
  void seek(std::size_t place) {
    ::lseek(fd_.get(), static_cast<off_t>(place + kDots), SEEK_SET);
    at_ = length_ = 0;
  }
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

  static constexpr std::size_t kDots = 2;  // "." and ".."
  shm::Fd fd_;
  std::array<char, 1024> buffer_;  // some 40
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

bool OffspringSearch::was_scanned(const DemotedThread& parent) const {
  return std::any_of(scanned_.begin(), scanned_.begin() + scans_, [&](const Scan& scan) {
    return scan.pid == parent.thread.pid && scan.since <= parent.since_boot_ticks;
  });
}

bool OffspringSearch::look(const DemotedThread& parent) {
  const pid_t pid = parent.thread.pid;
  const bool threads = was_scanned(parent) || look_at_threads(parent, pid, kGenerations);
  if (threads && scans_ < kScans) scanned_[scans_++] = {pid, parent.since_boot_ticks};
  // Whatever the threads came to.
  const bool children = look_at_children(parent, pid, parent.thread.tid, kGenerations);
  return threads && children;
}

// From the youngest on, part by part, to those that are older than any offspring.
bool OffspringSearch::look_at_threads(const DemotedThread& parent, pid_t pid, int generation) {
  constexpr std::size_t kPart = 32;
  constexpr std::size_t kOverlap = 8;  // threads that end meanwhile move those after them
  constexpr std::size_t kMostYoung = 4096;
  bool complete = true;
  ThreadList threads(pid);
  std::size_t end = threads.size();
  // What began since the list was measured is behind its end.
  for (std::size_t most = kPart + kMostYoung; end > 0; most = kPart + kOverlap) {
    const std::size_t begin = end > kPart ? end - kPart : 0;
    threads.seek(begin);
    bool reached_older = false;
    pid_t tid = 0;
    std::uint64_t inode = 0;
    for (std::size_t i = 0; i < most && threads.next(tid, inode); ++i) {
      const std::optional<std::uint64_t> began = look_at_thread(parent, pid, tid, inode);
      if (!began) {
        complete = complete && looks_left_ != 0;
      } else if (*began + kTicksApart < parent.since_boot_ticks) {
        reached_older = true;
      }
      if (generation < kGenerations) {
        complete = look_at_children(parent, pid, tid, generation) && complete;
      }
    }
    if (reached_older) break;
    end = begin;
  }
  return complete;
}

const DemotedThread* OffspringSearch::parent_of(const DemotedThread& first, pid_t pid,
                                                const ThreadStat& stat) const {
  if (could_be_offspring(first, stat)) return &first;
  for (std::uint32_t i = 0; i < ledger_.file_->high(); ++i) {
    const DemotionEntry& entry = ledger_.file_->entries[i];
    if (state_of(entry.word.load(std::memory_order_acquire)) != EntryState::kFree &&
        entry.owner.load(std::memory_order_relaxed) == ledger_.run_ &&
        entry.demoted.thread.pid == pid && could_be_offspring(entry.demoted, stat)) {
      return &entry.demoted;
    }
  }
  return nullptr;
}

std::optional<std::uint64_t> OffspringSearch::look_at_thread(const DemotedThread& parent, pid_t pid,
                                                             pid_t tid, std::uint64_t inode) {
  Known& known_thread = known(tid);
  if (known_thread.tid == tid && known_thread.inode == inode) return known_thread.start_time;
  if (looks_left_ == 0) return std::nullopt;
  --looks_left_;
  const std::optional<ThreadStat> stat = read_thread_stat(pid, tid);
  if (!stat) return std::nullopt;
  if (!was_given(*stat)) {
    // What it inherited was decided when it began, so once is enough.
    known_thread = {inode, stat->start_time, tid};
    return stat->start_time;
  }
  if (const DemotedThread* const from = parent_of(parent, pid, *stat)) {
    SchedAttr inherited = from->applied;
    inherited.flags = 0;  // which tells it from a thread that is demoted itself
    (void)swap_priority({pid, tid, stat->start_time}, inherited, handed_on(from->before));
  }
  return stat->start_time;
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
