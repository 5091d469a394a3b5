#include "daemon/ctl/top/model.h"

#include <doctest/doctest.h>

#include "daemon/ctl/top/sparkline.h"
#include "tests/daemon/ctl/top/readings.h"

namespace pulsed::ctl::top {
namespace {

using namespace testing;

Reading with_cpu(Duration at, Duration cpu) {
  Reading reading = reading_at(at);
  add_service(reading, "shop", 7);
  add_class(reading, "shop", "render", 0, cpu).poll_p99 = 3ms;
  return reading;
}

TEST_CASE("the past of a class and of its service grows by one value a reading") {
  Model model;
  model.take(with_cpu(0s, 0s));
  model.take(with_cpu(1s, 500ms));
  model.take(with_cpu(2s, 700ms));
  for (const std::optional<std::string>& task_class :
       {std::optional<std::string>("render"), std::optional<std::string>()}) {
    const Past* past = model.history().find({"shop", task_class});
    REQUIRE(past != nullptr);
    const std::vector<Series::Value> cpu = past->cpu.last(10);
    REQUIRE(cpu.size() == 3);
    CHECK_FALSE(cpu[0]);
    CHECK(*cpu[1] == doctest::Approx(0.5));
    CHECK(*cpu[2] == doctest::Approx(0.2));
    CHECK(*past->p99.last(1)[0] == doctest::Approx(0.003));
  }
}

TEST_CASE("the past is bounded, and its oldest values are the ones that go") {
  Model model;
  for (int i = 0; i < 1000; ++i) model.take(with_cpu(i * 1s, i * i * 1ms));
  const Past* past = model.history().find({"shop", "render"});
  REQUIRE(past != nullptr);
  CHECK(past->cpu.size() == Series::kMost);
  const std::vector<Series::Value> cpu = past->cpu.last(Series::kMost + 50);
  REQUIRE(cpu.size() == Series::kMost);
  CHECK(*cpu.back() == doctest::Approx(0.001 * (999 * 999 - 998 * 998)));
  CHECK(*cpu.front() < *cpu.back());
}

TEST_CASE("what is gone is forgotten, so names that come and go take no memory") {
  Model model;
  for (int i = 0; i < 100; ++i) {
    Reading reading = reading_at(i * 1s);
    add_class(reading, "shop", "class-" + std::to_string(i), 0);
    model.take(std::move(reading));
  }
  CHECK(model.history().size() == 1);
}

TEST_CASE("the past of another run of the daemon does not go on") {
  Model model;
  for (int i = 0; i < 5; ++i) model.take(with_cpu(i * 1s, i * 1s));
  Reading restarted = with_cpu(6s, 0s);
  restarted.status.started_at += 1s;
  model.take(std::move(restarted));
  CHECK(model.history().find({"shop", "render"})->cpu.size() == 1);
}

TEST_CASE("what was read stays while the daemon does not answer, and its answer ends that") {
  Model model;
  CHECK(model.empty());
  model.lose("nobody there");
  CHECK(model.empty());
  model.take(with_cpu(0s, 0s));
  CHECK_FALSE(model.lost());
  model.lose("connection refused");
  CHECK(*model.lost() == "connection refused");
  CHECK(model.rows().classes.size() == 1);
  model.take(with_cpu(9s, 9s));
  CHECK_FALSE(model.lost());
  CHECK(*model.rows().classes[0].load.cpu == doctest::Approx(1.0));
}

TEST_CASE("a sparkline has the newest value at its right, gaps where none is known, and a floor") {
  Series series;
  CHECK(sparkline(series, 4, 1) == "    ");
  series.push(0.0);
  series.push(std::nullopt);
  series.push(2.0);
  series.push(4.0);
  CHECK(sparkline(series, 6, 1) == "  _ =#");
  CHECK(sparkline(series, 2, 1) == "=#");
  CHECK(sparkline(series, 2, 400) == "__");
  const Utf8 utf8;
  CHECK(sparkline(series, 4, 1) == "▁ ▅█");
}

}  // namespace
}  // namespace pulsed::ctl::top
