#include "daemon/act/offspring.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "daemon/act/demotion_file.h"
#include "daemon/act/priority_swap.h"
#include "daemon/clocks/monotonic.h"
#include "shared_memory/segment.h"

namespace pulsed::act {
namespace {

using clocks::monotonic_ns;

// Threads of the isolation pool that lower themselves.
constexpr std::string_view kIsolationThreads = "pulsed-iso-";

// A thread that began so much before another, in clock ticks, comes before it in the list of threads.
constexpr std::uint64_t kTicksApart = 100;

// The threads of a process in the kernel's order, the youngest last; read without opendir(3), which allocates.
class ThreadList {
 public:
  explicit ThreadList(pid_t pid)
      : fd_(::open(clocks::ProcPath(pid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

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
  // `go_on` is asked before every read.
  template <typename GoOn>
  YoungestChildren(pid_t pid, pid_t tid, const GoOn& go_on) {
    const shm::Fd file(
        ::open(clocks::ProcPath(pid, tid, "children").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return;
    std::array<char, 1024> text;
    pid_t number = 0;
    for (int i = 0; i < kMostReads && go_on(); ++i) {
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

bool is_of_isolation_pool(const clocks::ThreadStat& stat) {
  return std::string_view(stat.name.data()).starts_with(kIsolationThreads);
}

}  // namespace

void OffspringSearch::begin_round() {
  looks_left_ = kLooksARound;
  end_ns_ = monotonic_ns() + kRoundNs;
  exhausted_ = false;
  ++round_;
  parents_count_ = given_count_ = 0;
  for (std::uint32_t i = 0; i < ledger_.file_->high(); ++i) {
    const std::optional<EntryCopy> entry = read_entry(ledger_.file_->entries[i]);
    if (!entry) continue;
    const DemotedThread& demoted = entry->demoted;
    const Given given{demoted.applied.policy, demoted.applied.nice};
    const auto same = [&](const Given& other) {
      return other.policy == given.policy && other.nice == given.nice;
    };
    const bool known = std::any_of(given_.begin(), given_.begin() + given_count_, same);
    if (!known && given_count_ < kGiven) given_[given_count_++] = given;
    if (entry->owner != ledger_.run_) continue;
    parents_[parents_count_++] = {demoted.since_boot_ticks,
                                  demoted.thread.pid,
                                  demoted.thread.tid,
                                  i,
                                  given.policy,
                                  given.nice};
  }
}

bool OffspringSearch::spend(std::uint32_t looks) {
  exhausted_ = exhausted_ || looks_left_ < looks || monotonic_ns() > end_ns_;
  if (!exhausted_) looks_left_ -= looks;
  return !exhausted_;
}

bool OffspringSearch::was_given(const clocks::ThreadStat& stat) const {
  return std::any_of(given_.begin(), given_.begin() + given_count_, [&](const Given& given) {
    return given.policy == stat.policy && given.nice == stat.nice;
  });
}

std::uint64_t OffspringSearch::earliest(const Roots& roots) const {
  std::uint64_t since = UINT64_MAX;
  for (std::size_t i = 0; i < parents_count_; ++i) {
    const Parent& parent = parents_[i];
    if (parent.pid == roots.pid && (roots.tid == 0 || parent.tid == roots.tid)) {
      since = std::min(since, parent.since_boot_ticks);
    }
  }
  return since;
}

// Of a pass that is not complete, or else any that was not used in this round; null if there is none.
OffspringSearch::Scan* OffspringSearch::scan_of(const Roots& roots, pid_t pid) {
  Scan* unused = nullptr;
  for (Scan& scan : scans_) {
    if (scan.pid == pid && scan.roots.pid == roots.pid && scan.roots.tid == roots.tid) return &scan;
    if (scan.round == round_) continue;
    if (unused == nullptr || (unused->resume != 0 && scan.resume == 0)) unused = &scan;
  }
  if (unused != nullptr) *unused = {roots, pid, 0, false, 0, 0};
  exhausted_ = exhausted_ || unused == nullptr;
  return unused;
}

// A pass that did not get through is gone on with, in the next round.
bool OffspringSearch::begin(Scan& scan) {
  if (scan.round == round_) return false;
  scan.round = round_;
  if (scan.complete || scan.began_ns == 0) scan.began_ns = monotonic_ns();
  scan.complete = false;
  return true;
}

bool OffspringSearch::look(const DemotedThread& parent, std::uint64_t since_ns) {
  if (exhausted_) return false;
  const auto [pid, tid, start] = parent.thread;
  const bool threads = look_at_threads({pid, 0}, pid, kGenerations, since_ns);
  const Roots roots{pid, tid};
  Scan* const scan = scan_of(roots, pid);
  if (scan == nullptr) return false;
  if (!scan->covers(since_ns) && begin(*scan)) {
    // Whatever the threads came to.
    scan->complete = look_at_children(roots, pid, tid, kGenerations, scan->began_ns);
  }
  return threads && scan->covers(since_ns);
}

bool OffspringSearch::look_at_threads(const Roots& roots, pid_t pid, int generation,
                                      std::uint64_t since_ns) {
  Scan* const scan = scan_of(roots, pid);
  if (scan == nullptr) return false;
  if (!scan->covers(since_ns) && begin(*scan)) {
    scan->complete = go_through_threads(*scan, generation);
  }
  return scan->covers(since_ns);
}

// From the youngest on, part by part, to those that are older than any offspring. Threads that end meanwhile move those
// after them only, which were looked at already.
bool OffspringSearch::go_through_threads(Scan& scan, int generation) {
  constexpr std::size_t kPart = 32;
  constexpr std::size_t kMostYoung = 4096;
  constexpr std::uint32_t kListLooks = 2;
  const std::uint64_t since = earliest(scan.roots);
  ThreadList threads(scan.pid);
  const bool resumed = scan.resume != 0;
  std::size_t end = resumed ? std::min(scan.resume, threads.size()) : threads.size();
  // What began since the list was measured is behind its end.
  for (std::size_t most = kPart + (resumed ? 0 : kMostYoung); end > 0; most = kPart) {
    const std::size_t begin = end > kPart ? end - kPart : 0;
    if (!spend(kListLooks)) return false;
    scan.resume = end;
    threads.seek(begin);
    bool reached_older = false;
    pid_t tid = 0;
    std::uint64_t inode = 0;
    for (std::size_t i = 0; i < most && threads.next(tid, inode); ++i) {
      if (i >= kPart && i % kPart == 0 && !spend(kListLooks)) return false;
      const std::optional<std::uint64_t> began = look_at_thread(scan.roots, scan.pid, tid, inode);
      if (began && *began + kTicksApart < since) reached_older = true;
      if (generation < kGenerations)
        look_at_children(scan.roots, scan.pid, tid, generation, scan.began_ns);
      if (exhausted_) return false;
    }
    if (reached_older) break;
    end = begin;
  }
  scan.resume = 0;
  return true;
}

std::optional<DemotedThread> OffspringSearch::parent_of(const Roots& roots, pid_t pid,
                                                        const clocks::ThreadStat& stat) const {
  for (std::size_t i = 0; i < parents_count_; ++i) {
    const Parent& parent = parents_[i];
    const bool of_root = parent.pid == roots.pid && (roots.tid == 0 || parent.tid == roots.tid);
    if ((!of_root && parent.pid != pid) || stat.start_time < parent.since_boot_ticks ||
        stat.policy != parent.policy || stat.nice != parent.nice) {
      continue;
    }
    const std::optional<EntryCopy> entry = read_entry(ledger_.file_->entries[parent.index]);
    if (entry && entry->demoted.thread.tid == parent.tid) return entry->demoted;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> OffspringSearch::look_at_thread(const Roots& roots, pid_t pid,
                                                             pid_t tid, std::uint64_t inode) {
  Known& known_thread = known(tid);
  if (known_thread.tid == tid && known_thread.inode == inode) return known_thread.start_time;
  if (!spend(1)) return std::nullopt;
  const std::optional<clocks::ThreadStat> stat = clocks::read_thread_stat(pid, tid);
  if (!stat) return std::nullopt;
  // What it inherited was decided when it began, so once is enough; but for one that a parent not known yet may claim.
  bool decided = !was_given(*stat) || is_of_isolation_pool(*stat);
  if (!decided) {
    if (const std::optional<DemotedThread> from = parent_of(roots, pid, *stat)) {
      SchedAttr inherited = from->applied;
      inherited.flags = 0;  // which tells it from a thread that is demoted itself
      decided = swap_priority({pid, tid, stat->start_time}, inherited, handed_on(from->before)) !=
                Swap::kFailed;
    }
  }
  if (decided) known_thread = {inode, stat->start_time, tid};
  return stat->start_time;
}

bool OffspringSearch::look_at_children(const Roots& roots, pid_t pid, pid_t tid, int generation,
                                       std::uint64_t since_ns) {
  if (generation == 0) return true;
  if (!spend(1)) return false;
  const std::uint64_t earliest_start = earliest(roots);
  bool complete = true;
  for (const pid_t child : YoungestChildren(pid, tid, [this] { return spend(1); })) {
    if (const Scan* const scan = scan_of(roots, child); scan != nullptr && scan->covers(since_ns)) {
      continue;
    }
    if (!spend(1)) return false;
    const std::optional<clocks::ThreadStat> stat = clocks::read_thread_stat(child, child);
    if (!stat || stat->start_time < earliest_start) continue;
    complete = look_at_threads(roots, child, generation - 1, since_ns) && complete;
  }
  return complete && !exhausted_;
}

}  // namespace pulsed::act
