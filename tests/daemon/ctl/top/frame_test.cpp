#include "daemon/ctl/top/frame.h"

#include <doctest/doctest.h>

#include "daemon/ctl/top/cells.h"
#include "daemon/ctl/top/help.h"
#include "tests/daemon/ctl/top/readings.h"

namespace pulsed::ctl::top {
namespace {

using namespace testing;

// All that can be long is long: names, numbers, ages.
Reading crowded(Duration at, std::uint64_t scale) {
  Reading reading = reading_at(at);
  reading.status.version = "123.456.789+g0123456789";
  reading.status.enforcement_limit = Enforcement::kShadow;
  reading.status.policy_revision = 1'234'567;
  for (auto* count : {&reading.status.services, &reading.status.workers, &reading.status.tasks,
                      &reading.status.tasks_above_monitor, &reading.status.in_flight_over_budget,
                      &reading.status.demoted_threads, &reading.status.spare_workers_awake,
                      &reading.status.samples, &reading.status.dropped_samples})
    *count = scale * 987'654'321;
  reading.status.since_last_tick = 12345s;
  for (int i = 0; i < 50; ++i) {
    const std::string service = "a-service-with-quite-a-long-name-日本語-" + std::to_string(i);
    ServiceReading& process = add_service(reading, service, 4'194'304);
    process.workers = process.tasks = process.dropped_samples = scale * 987'654'321;
    process.longest_in_flight = 99h;
    process.quarantined = i % 2 == 0;
    ClassReading& each =
        add_class(reading, service, "checkout/render/страница/" + std::to_string(i),
                  scale * 987'654'321'987, scale * 987'654s);
    each.enforcement = static_cast<Enforcement>(i % 3);
    each.tier = static_cast<Tier>(i % 4);
    each.pinned = true;
    each.violations = each.would_be.yields = each.done.yields = scale * 987'654'321;
    each.would_be_cpu = scale * 987'654s;
    each.poll_p50 = each.poll_p99 = each.queue_wait_p99 = 999'999us;
    WorkerReading& worker = add_worker(reading, service, 4'000'000'000);
    worker.thread_name = "fifteen-letters";
    worker.in_flight = PollReading{.task_class = each.task_class,
                                   .age = 123h,
                                   .cpu = 999'999us,
                                   .blame = Blame::kRunnable,
                                   .tier = Tier::kIsolate,
                                   .over_budget = true,
                                   .demoted = true};
  }
  return reading;
}

Operator in_a_crowd() {
  Operator who;
  who.model.take(crowded(0s, 1));
  who.model.take(crowded(1s, 2));
  return who;
}

void check_fits(Operator& who) {
  const Frame frame = who.frame();
  CHECK(frame.lines.size() == who.size.height);
  for (const Line& line : frame.lines) CHECK(columns(line) <= who.size.width);
  if (frame.cursor) CHECK(*frame.cursor < who.size.width);
}

TEST_CASE("no line is wider than the screen, nor are there more than it has, whatever is shown") {
  const Utf8 utf8;
  for (const Size size : {Size{80, 24}, Size{40, 10}, Size{41, 16}, Size{63, 15}, Size{97, 30},
                          Size{132, 43}, Size{300, 100}, Size{39, 24}, Size{80, 9}, Size{1, 1}}) {
    CAPTURE(size.width);
    CAPTURE(size.height);
    Operator who = in_a_crowd();
    who.size = size;
    for (const std::u32string_view keys :
         {U"1", U"2", U"3", U"2t", U"2s", U"h", U" ",
          U" / abcdefghijklmnopqrstuvwxyzabcdefghijklmno", U"\x15"}) {
      who.type(keys);
      check_fits(who);
    }
    (void)who.press(Key::Name::kEnter);
    (void)who.press(key(U'1'));
    (void)who.press(Key::Name::kEnter);
    check_fits(who);
    who.model.lose(std::string(500, 'x'));
    check_fits(who);
  }
}

TEST_CASE("80 by 24 has room for what matters, of classes in every state") {
  Operator who = in_a_crowd();
  const auto titles = [&](std::u32string_view keys) {
    who.type(keys);
    return who.line("AGE");
  };
  for (const char* title : {"SERVICE", "CPU%", "POLL/s", "VIOL/s", "OVER", "AGE"})
    CHECK_MESSAGE(has(titles(U"1"), title), title);
  for (const char* title : {"SERVICE", "CLASS", " T ", "CPU%", "CPU ", "POLL/s", "VIOL/s", "AGE",
                            "YLD/s", "ISO/s", "~CPU%"})
    CHECK_MESSAGE(has(titles(U"2"), title), title);
  (void)who.press(key(U'1'));
  (void)who.press(Key::Name::kEnter);
  for (const char* title :
       {"CLASS", " T ", "ENF", "CPU%", "POLL/s", "VIOL/s", "AGE", "YLD/s", "ISO/s"})
    CHECK_MESSAGE(has(who.line("AGE"), title), title);
  (void)who.press(Key::Name::kEnter);
  for (const char* title : {"THREAD", "POLLS CLASS", " T ", "AGE", "CPU", "BLAME", "NOTE"})
    CHECK_MESSAGE(has(who.line("AGE"), title), title);
}

TEST_CASE("the header tells version, enforcement with its limit, revision, counts and the loop") {
  Operator who;
  Reading reading = reading_at(0s);
  reading.status.enforcement = Enforcement::kEnforce;
  reading.status.enforcement_limit = Enforcement::kShadow;
  reading.status.policy_revision = 12;
  reading.status.services = 2;
  reading.status.workers = 14;
  reading.status.tasks = 1042;
  reading.status.tasks_above_monitor = 12;
  reading.status.in_flight_over_budget = 3;
  reading.status.demoted_threads = 1;
  reading.status.spare_workers_awake = 2;
  reading.status.dropped_samples = 7;
  reading.status.since_last_tick = 4ms;
  who.model.take(std::move(reading));
  const std::vector<std::string> lines = who.lines();
  CHECK(lines[0] == "pulsed 1.2.3  enforce, limit shadow  revision 12  balanced  up 60m");
  CHECK(lines[1] ==
        "services 2  workers 14  tasks 1.0k (above monitor 12)  spares awake 2  demoted 1");
  CHECK(lines[2] == "in flight over budget 3  samples -/s  dropped 7  last tick 4.0ms ago");
  CHECK(lines[3] == "connected  every 1.0s");
}

TEST_CASE("a daemon that does not answer is told with the reason, while what was read stays") {
  Operator who = in_a_crowd();
  who.model.lose("/run/pulsed/api.sock: connection refused; its pulsed is gone, start it again");
  CHECK(who.lines()[3] ==
        "not connected: /run/pulsed/api.sock: connection refused, trying again (9.0s old)");
  CHECK(has(who.lines()[7], "a-service"));
  (void)who.press(key(U' '));
  CHECK(has(who.lines()[3], "PAUSED"));
  CHECK(has(who.lines()[3], ": connection refused, trying again (9.0s old)"));
}

TEST_CASE("before anything was read the whole reason stands in the table") {
  Operator who;
  CHECK(has(who.line("connecting"), "connecting"));
  who.model.lose("/run/pulsed: no such directory; is pulsed running? --run-dir names another");
  CHECK(has(who.lines()[3], "not connected: /run/pulsed: no such directory, trying again"));
  CHECK(has(who.line("--run-dir"), "is pulsed running? --run-dir names another"));
}

TEST_CASE("a screen that is too small says so and what it needs") {
  Operator who = in_a_crowd();
  for (const Size size : {Size{39, 24}, Size{80, 9}}) {
    who.size = size;
    CHECK(has(who.lines()[0], "terminal too small: " + std::to_string(size.width)));
    CHECK(who.lines()[1].empty());
  }
  who.size = {40, 10};
  CHECK_FALSE(has(who.lines()[0], "too small"));
}

TEST_CASE("every tier has its letter and a style of its own") {
  Operator who;
  Reading reading = reading_at(0s);
  for (std::size_t i = 0; i < kTierCount; ++i)
    add_class(reading, "shop", "class-" + std::to_string(i), 0).tier = static_cast<Tier>(i);
  reading.classes[3].pinned = true;
  who.model.take(std::move(reading));
  (void)who.press(key(U'2'));
  CHECK(has(who.line("class-0"), " M "));
  CHECK(has(who.line("class-1"), " W "));
  CHECK(has(who.line("class-2"), " Y "));
  CHECK(has(who.line("class-3"), " I! "));
  for (std::size_t i = 0; i < kTierCount; ++i)
    for (std::size_t j = 0; j < i; ++j)
      CHECK(tier_style(static_cast<Tier>(i)) != tier_style(static_cast<Tier>(j)));
}

TEST_CASE("what would have been done is never shown like what was done") {
  Operator who;
  for (const std::uint64_t second : {0U, 1U}) {
    Reading reading = reading_at(second * 1s);
    ClassReading& enforced = add_class(reading, "shop", "enforced", 0);
    enforced.done.yields = second * 11;
    ClassReading& shadowed = add_class(reading, "shop", "shadowed", 0);
    shadowed.enforcement = Enforcement::kShadow;
    shadowed.would_be.yields = second * 22;
    shadowed.would_be_cpu = second * 330ms;
    who.model.take(std::move(reading));
  }
  (void)who.press(key(U'2'));
  CHECK(has(who.line("enforced"), " 11 "));
  CHECK_FALSE(has(who.line("enforced"), "~"));
  CHECK(has(who.line("shadowed"), " ~22 "));
  CHECK(has(who.line("shadowed"), "33.0"));
  (void)who.press(key(U't'));
  CHECK(has(who.line("shadowed"), " 330ms"));
}

TEST_CASE("the column that sorts is marked, and so is its direction") {
  Operator who = in_a_crowd();
  CHECK(has(who.line("POLL/s"), "vCPU%"));
  (void)who.press(key(U'A'));
  CHECK(has(who.line("POLL/s"), "vAGE"));
  (void)who.press(key(U'r'));
  CHECK(has(who.line("POLL/s"), "^AGE"));
  (void)who.press(key(U'N'));
  CHECK(has(who.line("POLL/s"), "SERVICEv"));
}

TEST_CASE("one row is selected, and its whole name stands below the table") {
  Operator who = in_a_crowd();
  (void)who.press(Key::Name::kDown);
  const Frame frame = who.frame();
  std::size_t selected = 0;
  for (const Line& line : frame.lines) selected += line.ground == Line::Ground::kSelected ? 1 : 0;
  CHECK(selected == 1);
  CHECK(frame.lines[7].ground == Line::Ground::kSelected);
  const Listing listing = who.listing();
  CHECK(has(plain_text(frame.lines[22]), "a-service-with-quite-a-long-name"));
}

TEST_CASE("names cannot hold what moves a cursor") {
  const Utf8 utf8;
  Operator who;
  Reading reading = reading_at(0s);
  add_service(reading, "evil\x1b[2Jname\xff", 1);
  add_class(reading, "evil\x1b[2Jname\xff", "line\nbreak\u202e", 0);
  who.model.take(std::move(reading));
  for (const char32_t view : {U'1', U'2'}) {
    (void)who.press(key(view));
    for (const Line& line : who.frame().lines)
      for (const Span& span : line.spans)
        for (const char c : span.text) CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
  }
  CHECK(has(who.line("line"), "line?break?"));
  const Listing listing = who.listing();
  CHECK_FALSE(has(batch_text(who.model, who.browser, listing, {kBegin, kWallBegin}), "\x1b"));
}

TEST_CASE("a frame for scripts has every row, nothing cut, and no blanks at line ends") {
  const Utf8 utf8;
  Operator who = in_a_crowd();
  (void)who.press(key(U'2'));
  const std::string text = batch_text(who.model, who.browser, who.listing(), {kBegin, kWallBegin});
  for (int i = 0; i < 50; ++i)
    CHECK(has(text, "a-service-with-quite-a-long-name-日本語-" + std::to_string(i) + " "));
  CHECK_FALSE(has(text, " \n"));
  CHECK_FALSE(has(text, "█"));
  CHECK(text.ends_with("\n"));
}

TEST_CASE("a service that is alone takes no column, but for scripts") {
  Operator who;
  Reading reading = reading_at(0s);
  add_class(reading, "shop", "render", 0);
  add_worker(reading, "shop", 0);
  who.model.take(reading);
  for (const char32_t view : {U'2', U'3'}) {
    (void)who.press(key(view));
    CHECK_FALSE(has(who.line("AGE"), "SERVICE"));
    CHECK(has(batch_text(who.model, who.browser, who.listing(), {kBegin, kWallBegin}), "SERVICE"));
  }
  add_class(reading, "mail", "send", 0);
  add_worker(reading, "mail", 0);
  who.model.take(reading);
  for (const char32_t view : {U'2', U'3'}) {
    (void)who.press(key(view));
    CHECK(has(who.line("AGE"), "SERVICE"));
  }
}

TEST_CASE("the help fits into 80 by 24") {
  CHECK(help_lines().size() <= 24);
  for (const std::string& line : help_lines()) CHECK(columns(line) <= 80);
}

TEST_CASE("numbers fit into five columns and say little that changes") {
  CHECK(number_text(0) == "0");
  CHECK(number_text(7) == "7");
  CHECK(number_text(0.25) == "0.25");
  CHECK(number_text(9.94) == "9.9");
  CHECK(number_text(999) == "999");
  CHECK(number_text(1042) == "1.0k");
  CHECK(number_text(999'600) == "1.0M");
  CHECK(rate_text(std::nullopt) == "-");
  CHECK(percent_text(0.9504) == "95.0");
  CHECK(percent_text(12.34) == "1234");
  CHECK(duration_text(0ns) == "-");
  CHECK(duration_text(850ns) == "850ns");
  CHECK(duration_text(1200us) == "1.2ms");
  CHECK(duration_text(90s) == "90s");
  CHECK(duration_text(100s) == "1.7m");
  CHECK(duration_text(26h) == "26h");
  for (double value = 1e-4; value < 1e17; value *= 1.37) {
    CHECK(columns(number_text(value)) <= 5);
    CHECK(columns(percent_text(value)) <= 5);
    if (value < 1e8)
      CHECK(columns(duration_text(
                std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value)))) <= 5);
  }
}

TEST_CASE("wide letters take two columns, and cutting never leaves half of one") {
  const Utf8 utf8;
  CHECK(columns("日本") == 4);
  CHECK(columns("e\u0301") == 1);
  CHECK(fitted("日本語", 5) == "日本…");
  CHECK(fitted("日本語", 4) == "日… ");
  CHECK(fitted("ab", 4, Side::kRight) == "  ab");
  CHECK(end_of("/run/pulsed/api.sock", 9) == "…api.sock");
  CHECK(cut("abc", 0).empty());
}

}  // namespace
}  // namespace pulsed::ctl::top
