#include "daemon/metrics/series_count.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "daemon/metrics/exposition.h"
#include "tests/daemon/metrics/exposition_text.h"
#include "tests/daemon/metrics/full_snapshot.h"

namespace pulsed::metrics {
namespace {

TEST_CASE("a class makes at most 40 series") {
  CHECK(series_of(Scope::kClass) > 30);
  CHECK(series_of(Scope::kClass) <= kMaxSeriesPerClass);
}

std::size_t samples_in(const std::string& text) {
  std::size_t count = 0;
  for (const TextFamily& f : ExpositionReader::read(text)) count += f.samples.size();
  return count;
}

TEST_CASE("the catalogue foretells how many samples there are") {
  CHECK(sample_count({}, {}) == samples_in(render({}, {})));
  CHECK(sample_count(full_snapshot(), full_off_loop()) ==
        samples_in(render(full_snapshot(), full_off_loop())));
  Snapshot s = with_classes(37);
  for (std::uint64_t i = 0; i < 5; ++i) {
    ServiceSnapshot more = s.services[0];
    more.service += std::to_string(i);
    more.tier_changes[1] = {i, 0, i, 1};
    s.services.push_back(more);
  }
  CHECK(sample_count(s, full_off_loop()) == samples_in(render(s, full_off_loop())));
}

TEST_CASE("1000 classes make 40000 series at most, each once") {
  const std::string text = render(with_classes(1000), full_off_loop());
  std::size_t of_classes = 0;
  std::set<std::pair<std::string, std::map<std::string, std::string>>> seen;
  std::size_t all = 0;
  for (const TextFamily& f : ExpositionReader::read(text)) {
    for (const TextSample& sample : f.samples) {
      ++all;
      of_classes += sample.labels.count("class");
      seen.emplace(sample.name, sample.labels);
    }
  }
  CHECK(seen.size() == all);
  CHECK(of_classes == 1000 * series_of(Scope::kClass));
  CHECK(of_classes <= 40'000);
  CHECK(text.size() < 8'000'000);
}

}  // namespace
}  // namespace pulsed::metrics
