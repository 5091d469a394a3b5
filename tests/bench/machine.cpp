#include "tests/bench/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace pulsed::bench {
namespace {

// The value of the first line that begins with `key`, behind its colon.
std::string cpuinfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

}  // namespace

std::string machine() {
  std::string model = cpuinfo("model name");
  if (model.empty()) model = "unknown CPU";
  const bool hypervisor = cpuinfo("flags").find(" hypervisor") != std::string::npos;
  const auto bytes =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  utsname kernel{};
  ::uname(&kernel);
  char text[512];
  std::snprintf(text, sizeof(text), "%s, %u CPUs%s, %.0f GiB, %s %s, compiler %s", model.c_str(),
                std::thread::hardware_concurrency(), hypervisor ? " of a virtual machine" : "",
                bytes / (1024.0 * 1024 * 1024), kernel.sysname, kernel.release, __VERSION__);
  return text;
}

double load() {
  double one_minute = 0;
  return ::getloadavg(&one_minute, 1) == 1 ? one_minute : 0;
}

Pinned::Pinned(unsigned nth) {
  cpu_set_t all;
  if (::sched_getaffinity(0, sizeof(all), &all) != 0 || CPU_COUNT(&all) < 2) return;
  auto left = nth % static_cast<unsigned>(CPU_COUNT(&all));
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all) || left-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (::sched_setaffinity(0, sizeof(one), &one) == 0) before_ = all;
    return;
  }
}

Pinned::~Pinned() {
  if (before_) ::sched_setaffinity(0, sizeof(*before_), &*before_);
}

}  // namespace pulsed::bench
