// Two processes for tests that kill: a service whose threads stand still, and a daemon that has a ledger, a guardian and a
// demoter, does what the test says, and then waits for its end.
//
// Forked from the test, which therefore has one thread. Neither outlives it.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "daemon/act/demoter.h"
#include "daemon/clocks/thread_stat.h"
#include "tests/support/process.h"

namespace pulsed::test {

inline const auto kUnannounced = [](const act::SchedAttr&) {};

// Memory that forked processes share.
template <typename T>
class SharedWithChildren {
 public:
  SharedWithChildren()
      : value_(new (::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                           -1, 0)) T{}) {}
  ~SharedWithChildren() { ::munmap(value_, sizeof(T)); }
  SharedWithChildren(const SharedWithChildren&) = delete;
  SharedWithChildren& operator=(const SharedWithChildren&) = delete;
  T* operator->() const { return value_; }

 private:
  T* value_;
};

inline pid_t fork_for_test(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    body();
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

// It has ended, whoever reaps it.
inline bool has_ended(pid_t pid) {
  const auto stat = clocks::read_thread_stat(pid, pid);
  return !stat || stat->state == 'Z' || stat->state == 'X';
}

inline bool may_raise() {
  if (act::may_set_priorities()) return true;
  MESSAGE("skipped: needs CAP_SYS_NICE");
  return false;
}

class PlayedService {
 public:
  static constexpr std::size_t kThreads = 6;

  PlayedService() {
    if (::pipe2(commands_.data(), O_CLOEXEC) != 0 || ::pipe2(answers_.data(), O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe2");
    }
    pid_ = fork_for_test([this] { serve(); });
    for (std::size_t i = 0; i < kThreads; ++i) {
      REQUIRE(wait_until([&] { return shared_->tids[i].load() != 0; }));
      own_.push_back(*act::read_priority(thread(i).tid));
    }
  }
  ~PlayedService() {
    kill();
    for (const int fd : {commands_[0], commands_[1], answers_[0], answers_[1]}) ::close(fd);
  }
  PlayedService(const PlayedService&) = delete;
  PlayedService& operator=(const PlayedService&) = delete;

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  [[nodiscard]] clocks::PeerThread thread(std::size_t i) const {
    const pid_t tid = shared_->tids[i].load();
    return {pid_, tid, clocks::read_thread_stat(pid_, tid)->start_time};
  }
  [[nodiscard]] act::SchedAttr own_priority(std::size_t i) const { return own_[i]; }
  [[nodiscard]] bool at_own_priority(std::size_t i) const {
    return act::read_priority(shared_->tids[i].load()) == own_[i];
  }
  [[nodiscard]] bool all_at_own_priority() const {
    for (std::size_t i = 0; i < kThreads; ++i) {
      if (!at_own_priority(i)) return false;
    }
    return true;
  }

  // Its first thread becomes the program cat, and with it the whole process.
  void exec() const {
    const char what = 'x';
    (void)!::write(commands_[1], &what, 1);
    REQUIRE(wait_until([&] {
      const auto stat = clocks::read_thread_stat(pid_, pid_);
      return stat && std::string(stat->name.data()) == "cat";
    }));
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

  // Its first thread spawns a thread 't', one named as those of the isolation pool 'i', a process by fork 'f', one by
  // posix_spawn 'p', or a process's process 'g'. Gives the id.
  [[nodiscard]] pid_t spawn(char what) const {
    pid_t id = 0;
    if (::write(commands_[1], &what, 1) != 1 ||
        ::read(answers_[0], &id, sizeof(id)) != sizeof(id)) {
      throw std::runtime_error("the service does not answer");
    }
    return id;
  }

 private:
  struct Shared {
    std::array<std::atomic<pid_t>, kThreads> tids;
  };

  [[noreturn]] static void stand_still() {
    while (true) ::pause();
  }
  void answer(pid_t id) const { (void)!::write(answers_[1], &id, sizeof(id)); }

  // Each of another priority.
  static void take_own_priority(std::size_t i) {
    act::SchedAttr own = *act::read_priority(0);
    own.nice = std::array{0, -6, 4, 0, -3, 12}[i];
    own.policy = i == 3 ? SCHED_BATCH : SCHED_OTHER;
    own.flags = i == 4 ? 1 : 0;
    (void)act::write_priority(0, own);
  }

  void serve() {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([this, i] {
        take_own_priority(i);
        shared_->tids[i].store(::gettid());
        if (i == 0) obey();
        stand_still();
      });
    }
    stand_still();
  }

  void obey() {
    char what = 0;
    while (::read(commands_[0], &what, 1) == 1) {
      if (what == 't' || what == 'i') spawn_thread(what == 'i');
      if (what == 'p') answer(spawn_program());
      if (what == 'x') {
        // Ends with the test, which has the other end.
        ::dup2(commands_[0], STDIN_FILENO);
        ::execlp("cat", "cat", nullptr);
      }
      if (what == 'f') answer(fork_for_test(stand_still));
      if (what == 'g') {
        fork_for_test([this] {
          answer(fork_for_test(stand_still));
          stand_still();
        });
      }
    }
  }

  void spawn_thread(bool isolation) const {
    std::thread([this, isolation] {
      if (isolation) ::prctl(PR_SET_NAME, "pulsed-iso-0");
      answer(::gettid());
      stand_still();
    }).detach();
  }

  // Ends with the service and the test, as both have the other end of what it reads.
  [[nodiscard]] pid_t spawn_program() const {
    std::array<int, 2> life{};
    (void)!::pipe2(life.data(), O_CLOEXEC);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, life[0], STDIN_FILENO);
    std::string program = "cat";
    std::array<char*, 2> arguments{program.data(), nullptr};
    pid_t pid = 0;
    ::posix_spawnp(&pid, "cat", &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(life[0]);
    return pid;
  }

  SharedWithChildren<Shared> shared_;
  std::array<int, 2> commands_{};
  std::array<int, 2> answers_{};
  pid_t pid_ = -1;
  std::vector<act::SchedAttr> own_;
};

class PlayedDaemon {
 public:
  struct Tools {
    act::DemotionLedger& ledger;
    act::Guardian& guardian;
    act::Demoter& demoter;
    std::atomic<std::uint32_t>& steps;  // for the test to see how far it came
    std::atomic<std::uint32_t>& orders;
  };

  static constexpr act::LowerPriority kLow{false, 13};

  // In a process group of its own, holding a lock as a daemon holds its run directory.
  PlayedDaemon(const std::string& run_dir, const std::function<void(Tools&)>& body) {
    pid_ = fork_for_test([&] {
      ::setpgid(0, 0);
      const int lock = ::open((run_dir + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      if (::flock(lock, LOCK_EX | LOCK_NB) != 0) ::_exit(2);
      act::DemotionLedger ledger(run_dir + "/demotions");
      (void)ledger.restore_all();
      act::Guardian guardian(ledger);
      act::Demoter demoter(&ledger, &guardian);
      // As the control loop does: a daemon kept from running for kStale would be taken for a stopped one.
      const sched_param first{.sched_priority = 1};
      ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
      shared_->guardian.store(guardian.pid());
      Tools tools{ledger, guardian, demoter, shared_->steps, shared_->orders};
      body(tools);
      while (true) ::pause();
    });
    REQUIRE(wait_until([&] { return guardian() != 0; }));
  }
  ~PlayedDaemon() { kill(); }
  PlayedDaemon(const PlayedDaemon&) = delete;
  PlayedDaemon& operator=(const PlayedDaemon&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] pid_t guardian() const { return shared_->guardian.load(); }
  [[nodiscard]] std::uint32_t steps() const { return shared_->steps.load(); }
  [[nodiscard]] bool reaches(std::uint32_t step) const {
    return wait_until([&] { return steps() >= step; });
  }
  void order(std::uint32_t what = 1) { shared_->orders.store(what); }
  void signal(int number) const { ::kill(pid_, number); }
  void kill(bool whole_group = false) {
    if (pid_ <= 0) return;
    ::kill(whole_group ? -pid_ : pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  struct Shared {
    std::atomic<pid_t> guardian;
    std::atomic<std::uint32_t> steps;
    std::atomic<std::uint32_t> orders;
  };
  SharedWithChildren<Shared> shared_;
  pid_t pid_ = -1;
};

inline std::uint64_t monotonic_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// As a control loop that has nothing else to do.
inline void beat_until(PlayedDaemon::Tools& tools, const std::function<bool()>& end) {
  while (!end()) {
    tools.demoter.beat(monotonic_ns());
    std::this_thread::sleep_for(milliseconds{2});
  }
}
inline void beat_until_ordered(PlayedDaemon::Tools& tools) {
  beat_until(tools, [&] { return tools.orders.load() != 0; });
}
inline void beat_forever(PlayedDaemon::Tools& tools) {
  beat_until(tools, [] { return false; });
}

}  // namespace pulsed::test
