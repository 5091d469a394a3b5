// Readings for tests, and what is shown of them as plain text.
#pragma once

#include <algorithm>
#include <clocale>
#include <string>
#include <vector>

#include "daemon/ctl/top/browser.h"
#include "daemon/ctl/top/frame.h"
#include "daemon/ctl/top/model.h"
#include "daemon/ctl/top/text.h"

namespace pulsed::ctl::top::testing {

using namespace std::chrono_literals;

inline const SteadyTime kBegin{1'000'000s};
inline const WallTime kWallBegin{2'000'000s};

// While it lives, bars and marks are those of UTF-8.
class Utf8 {
 public:
  Utf8() { std::setlocale(LC_CTYPE, "C.UTF-8"); }
  ~Utf8() { std::setlocale(LC_CTYPE, "C"); }
  Utf8(const Utf8&) = delete;
  Utf8& operator=(const Utf8&) = delete;
};

inline Reading reading_at(Duration after_begin) {
  Reading reading{.at = kBegin + after_begin};
  reading.status.version = "1.2.3";
  reading.status.profile = "balanced";
  reading.status.started_at = kWallBegin;
  return reading;
}

inline ClassReading& add_class(Reading& reading, std::string service, std::string task_class,
                               std::uint64_t polls, Duration cpu = {}) {
  return reading.classes.emplace_back(ClassReading{.service = std::move(service),
                                                   .task_class = std::move(task_class),
                                                   .enforcement = Enforcement::kEnforce,
                                                   .polls = polls,
                                                   .cpu_time = cpu});
}

inline ServiceReading& add_service(Reading& reading, std::string service, std::uint32_t pid) {
  return reading.services.emplace_back(ServiceReading{.service = std::move(service), .pid = pid});
}

inline WorkerReading& add_worker(Reading& reading, std::string service, std::uint32_t line) {
  return reading.workers.emplace_back(WorkerReading{
      .service = std::move(service), .pid = 7, .line = line, .thread_name = "worker"});
}

inline Key key(char32_t character) { return {Key::Name::kCharacter, character}; }

// An operator at a screen of that size.
struct Operator {
  Model model;
  Browser browser{Start{}};
  Size size{};

  Listing listing() {
    Listing listing = browser.list(model.rows());
    browser.settle(listing, page_of(size));
    return listing;
  }
  Browser::Outcome press(Key key) {
    return browser.press(key, model.rows(), listing(), page_of(size));
  }
  Browser::Outcome press(Key::Name name) { return press(Key{name}); }
  void type(std::u32string_view text) {
    for (const char32_t character : text) (void)press(key(character));
  }
  Frame frame() {
    const Listing now = listing();
    return frame_of(model, browser, now, {kBegin + 10s, kWallBegin + 1h}, size);
  }
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const Line& line : frame().lines) out.push_back(plain_text(line));
    return out;
  }
  // The first line that has it; empty if none has.
  std::string line(std::string_view part) {
    const std::vector<std::string> all = lines();
    const auto found = std::find_if(all.begin(), all.end(), [&](const std::string& each) {
      return each.find(part) != std::string::npos;
    });
    return found == all.end() ? std::string{} : *found;
  }
};

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace pulsed::ctl::top::testing
