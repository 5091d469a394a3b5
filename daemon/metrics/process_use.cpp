#include "daemon/metrics/process_use.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace pulsed::metrics {
namespace {

std::chrono::microseconds length(const timeval& t) {
  return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec};
}

std::uint64_t resident_pages() {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                   std::fclose);
  unsigned long long all = 0;
  unsigned long long resident = 0;
  if (!file || std::fscanf(file.get(), "%llu %llu", &all, &resident) != 2) return 0;
  return resident;
}

std::uint64_t open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  if (!directory) return 0;
  std::uint64_t entries = 0;
  while (::readdir(directory.get()) != nullptr) ++entries;
  constexpr std::uint64_t kNotOurs = 3;  // ".", ".." and what we read them with
  return entries > kNotOurs ? entries - kNotOurs : 0;
}

}  // namespace

ProcessUse process_use() {
  ProcessUse use;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) use.cpu = length(used.ru_utime) + length(used.ru_stime);
  use.resident_bytes = resident_pages() * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  use.open_descriptors = open_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) use.most_descriptors = limit.rlim_cur;
  return use;
}

}  // namespace pulsed::metrics
