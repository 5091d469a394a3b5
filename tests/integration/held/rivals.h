// Threads that only use CPU time, and are no workers: the competing load.
#pragma once

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace pulsed::test {

// Keeps the calling thread to one CPU; nothing: to those that the process had when it started.
void pin_to(std::optional<int> cpu);
// One that the process may use.
[[nodiscard]] int some_cpu();

class Rivals {
 public:
  explicit Rivals(unsigned count, std::optional<int> cpu = {});
  ~Rivals();
  Rivals(const Rivals&) = delete;
  Rivals& operator=(const Rivals&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

}  // namespace pulsed::test
