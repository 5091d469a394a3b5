#include "deploy/demo/price_list.h"

namespace pulsed::demo {
namespace {

constexpr std::uint64_t kCentsForThemAll = 100'000;

void take_steps(ReportWork& work, std::uint32_t steps) {
  for (; steps > 0 && !work.done(); --steps) work.step();
}

}  // namespace

Quote PriceList::price(const std::string& word) const {
  const std::lock_guard lock(mutex_);
  const auto found = stock_.find(word);
  const std::uint64_t stock = found == stock_.end() ? 0 : found->second;
  return {kCentsForThemAll / (1 + stock), stock, revision_};
}

RestockResult PriceList::restock(std::string_view text, std::uint32_t steps) {
  ReportWork work(text, steps);
  take_steps(work, steps / 8 * 3);
  RestockResult restocked;
  {
    const std::lock_guard lock(mutex_);
    take_steps(work, steps / 4);
    stock_ = work.counts();
    restocked.revision = ++revision_;
  }
  while (!work.done()) work.step();
  restocked.report = work.result();
  return restocked;
}

}  // namespace pulsed::demo
