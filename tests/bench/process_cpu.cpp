#include "tests/bench/process_cpu.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace pulsed::bench {

std::chrono::nanoseconds cpu_time_of(pid_t pid) {
  std::chrono::nanoseconds sum{};
  std::error_code error;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
    std::int64_t ns = 0;
    std::ifstream(task.path() / "schedstat") >> ns;
    sum += std::chrono::nanoseconds{ns};
    std::ifstream children(task.path() / "children");
    for (pid_t child = 0; children >> child;) sum += cpu_time_of(child);
  }
  if (error) throw std::runtime_error("no CPU time of process " + std::to_string(pid));
  return sum;
}

}  // namespace pulsed::bench
