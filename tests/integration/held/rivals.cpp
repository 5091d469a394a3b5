#include "tests/integration/held/rivals.h"

#include <sched.h>

#include "tests/integration/held/own_time.h"

namespace pulsed::test {
namespace {

cpu_set_t cpus_of_this_thread() {
  cpu_set_t set;
  ::sched_getaffinity(0, sizeof(set), &set);
  return set;
}

const cpu_set_t kOfTheProcess = cpus_of_this_thread();

}  // namespace

void pin_to(std::optional<int> cpu) {
  cpu_set_t set = kOfTheProcess;
  if (cpu) {
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(*cpu), &set);
  }
  ::sched_setaffinity(0, sizeof(set), &set);
}

int some_cpu() {
  int cpu = 0;
  while (cpu + 1 < CPU_SETSIZE && !CPU_ISSET(static_cast<std::size_t>(cpu), &kOfTheProcess)) ++cpu;
  return cpu;
}

Rivals::Rivals(unsigned count, std::optional<int> cpu) {
  for (unsigned i = 0; i < count; ++i) {
    threads_.emplace_back([this, cpu] {
      pin_to(cpu);
      while (!stop_.load(std::memory_order_relaxed)) spin();
    });
  }
}

Rivals::~Rivals() {
  stop_.store(true);
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace pulsed::test
