// Threads that are workers of one service, each on a CPU of its own, and poll at the same time.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "tests/bench/attached_worker.h"

namespace pulsed::bench {

class WorkerTeam {
 public:
  // Each member opens `tasks` tasks of its own.
  WorkerTeam(AttachedService& service, unsigned members, std::uint32_t tasks);
  ~WorkerTeam() { stop(); }
  WorkerTeam(const WorkerTeam&) = delete;
  WorkerTeam& operator=(const WorkerTeam&) = delete;

  // `workers` of them make that many polls each, all beginning together. Ticks a poll, their mean.
  double poll(unsigned workers, std::uint64_t polls);

 private:
  void run(AttachedService& service, unsigned member, std::uint32_t tasks);
  void wait_for(unsigned done);
  void stop();

  std::vector<double> ticks_;  // by member: a poll, of this round
  std::uint64_t polls_ = 0;    // of this round; read by its workers alone
  // How many work in this round, in the low 16 bits, below its number. One word: who does not work in a round may look
  // for it as late as in the next.
  std::atomic<std::uint64_t> round_{0};
  std::atomic<unsigned> ready_{0};
  std::atomic<unsigned> done_{0};
  std::atomic<bool> failed_{false};  // a thread could not be a worker
  std::vector<std::thread> threads_;
};

}  // namespace pulsed::bench
