#include "deploy/demo/price_list.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>

namespace pulsed::demo {
namespace {

std::string long_text() {
  std::string text;
  while (text.size() < 20 * ReportWork::kStepBytes) text += "the rare and the common and the rest ";
  return text;
}

TEST_CASE("a rarer word is dearer, and one that was never stocked the dearest") {
  PriceList prices;
  const std::string text = long_text();
  CHECK(prices.restock(text, 16).revision == 1);
  CHECK(prices.price("the").stock > prices.price("and").stock);
  CHECK(prices.price("the").cents < prices.price("and").cents);
  CHECK(prices.price("and").cents < prices.price("zebra").cents);
  CHECK(prices.price("zebra").stock == 0);
}

TEST_CASE("a restock does the work of a report, however few its steps") {
  const std::string text = long_text();
  for (const std::uint32_t steps : {1u, 3u, 16u}) {
    CAPTURE(steps);
    ReportWork report(text, steps);
    while (!report.done()) report.step();
    PriceList prices;
    CHECK(prices.restock(text, steps).report.words == report.result().words);
  }
}

TEST_CASE("every price is of the stock before a restock or after it") {
  PriceList prices;
  const std::string text = long_text();
  (void)prices.restock(text, 8);
  const std::uint64_t stock = prices.price("the").stock;
  std::atomic<bool> done{false};
  std::thread restocking([&] {
    for (int i = 0; i < 20; ++i) (void)prices.restock(text, 8);
    done = true;
  });
  bool torn = false;
  while (!done) torn |= prices.price("the").stock != stock;
  restocking.join();
  CHECK(!torn);
  CHECK(prices.price("the").revision == 21);
}

}  // namespace
}  // namespace pulsed::demo
