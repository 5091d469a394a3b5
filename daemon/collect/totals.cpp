// The workers' exact totals, summed by class.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "daemon/collect/collector.h"

namespace pulsed::collect {
namespace {

struct Sums {
  std::uint64_t polls = 0;
  std::uint64_t cpu_ticks = 0;
  std::uint64_t yields = 0;
  std::uint64_t isolated_polls = 0;
};

void add_records(const Service& service, std::uint64_t begin, std::uint64_t end,
                 std::vector<Sums>& sums) {
  const std::uint64_t row = service.peer.dimensions.classes;
  for (std::uint64_t i = begin; i < end; ++i) {
    const std::uint64_t worker = i / row;
    const std::uint64_t cls = i % row;
    if (worker >= service.workers.size()) return;
    if (cls >= sums.size()) continue;
    const pulsed_class_totals& shared = service.s.totals[i];
    const std::uint64_t polls = __atomic_load_n(&shared.polls, __ATOMIC_RELAXED);
    if (polls == 0) continue;
    Sums& sum = sums[cls];
    sum.polls += polls;
    sum.cpu_ticks += __atomic_load_n(&shared.cpu_ticks, __ATOMIC_RELAXED);
    sum.yields += __atomic_load_n(&shared.yields, __ATOMIC_RELAXED);
    if (service.workers[worker].isolation) sum.isolated_polls += polls;
  }
}

// Calls f(begin, end) for each run of records on pages that exist. Asks the descriptor, since reading a page that the
// service never wrote would allocate it.
template <typename F>
void for_written_records(const Service& service, F&& f) {
  const pulsed_region& region = service.peer.end.service_header.regions[PULSED_S_TOTALS];
  const int fd = service.peer.end.service_fd.get();
  const auto first = static_cast<off_t>(region.offset);
  const off_t last = first + static_cast<off_t>(region.count * region.record_size);
  off_t at = first;
  while (at < last) {
    const off_t data = ::lseek(fd, at, SEEK_DATA);
    if (data < 0 || data >= last) return;
    const off_t hole = std::min(last, ::lseek(fd, data, SEEK_HOLE));
    if (hole <= data) return;
    f(static_cast<std::uint64_t>(std::max(data, first) - first) / region.record_size,
      static_cast<std::uint64_t>(hole - first) / region.record_size);
    at = hole;
  }
}

// A counter of ours never falls, whatever a service does to its own.
void raise(std::uint64_t& counter, std::uint64_t value, Service& service) {
  if (value < counter) {
    service.reject();
  } else {
    counter = value;
  }
}

}  // namespace

void Collector::read_totals(Service& service, const std::function<void()>& between) const {
  raise(service.tasks_without_slot, __atomic_load_n(&service.line().table_full, __ATOMIC_RELAXED),
        service);
  std::vector<Sums> sums(service.classes.size());
  for_written_records(service, [&](std::uint64_t begin, std::uint64_t end) {
    constexpr std::uint64_t kAtOnce = 1 << 18;
    for (std::uint64_t at = begin; at < end; at += kAtOnce) {
      add_records(service, at, std::min(at + kAtOnce, end), sums);
      between();
    }
  });
  for (std::size_t i = 0; i < sums.size(); ++i) {
    ClassView& cls = service.classes[i];
    raise(cls.polls, sums[i].polls, service);
    raise(cls.cpu_ns, clock_.to_ns(sums[i].cpu_ticks), service);
    raise(cls.yields, sums[i].yields, service);
    raise(cls.isolated_polls, sums[i].isolated_polls, service);
  }
}

}  // namespace pulsed::collect
