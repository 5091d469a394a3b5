#include "daemon/ctl/top/browser.h"

#include <doctest/doctest.h>

#include "tests/daemon/ctl/top/readings.h"

namespace pulsed::ctl::top {
namespace {

using namespace testing;
using Name = Key::Name;

// Two services of ten classes each, class-9 of shop the busiest.
Operator at_the_shop() {
  Operator who;
  for (const int second : {0, 1}) {
    Reading reading = reading_at(second * 1s);
    add_service(reading, "shop", 7);
    add_service(reading, "mail", 8);
    for (const char* service : {"shop", "mail"})
      for (int i = 0; i < 10; ++i)
        add_class(reading, service, "class-" + std::to_string(i), 0,
                  second * (i + 1) * (service[0] == 's' ? 10ms : 1ms));
    add_worker(reading, "shop", 0).in_flight = PollReading{.task_class = "class-9", .age = 1s};
    who.model.take(std::move(reading));
  }
  return who;
}

TEST_CASE("enter opens what is selected, and backspace goes back to where one came from") {
  Operator who = at_the_shop();
  (void)who.press(Name::kEnter);
  CHECK(who.browser.view() == View::kClasses);
  CHECK(who.browser.scope().service == "shop");
  (void)who.press(Name::kEnter);
  CHECK(who.browser.view() == View::kWorkers);
  CHECK(who.browser.scope().task_class == "class-9");
  (void)who.press(Name::kEnter);
  CHECK(who.browser.view() == View::kWorkers);
  (void)who.press(Name::kBackspace);
  CHECK(who.browser.view() == View::kClasses);
  CHECK(who.browser.scope().service == "shop");
  CHECK_FALSE(who.browser.scope().task_class);
  (void)who.press(Name::kEscape);
  CHECK(who.browser.view() == View::kServices);
  (void)who.press(Name::kLeft);
  CHECK(who.browser.view() == View::kServices);
}

TEST_CASE("from the classes of all services one goes back to those") {
  Operator who = at_the_shop();
  (void)who.press(key(U'2'));
  (void)who.press(Name::kEnter);
  CHECK(who.browser.scope().service == "shop");
  (void)who.press(Name::kBackspace);
  CHECK(who.browser.view() == View::kClasses);
  CHECK_FALSE(who.browser.scope().service);
}

TEST_CASE("until a row was chosen the top one is selected, and from then on the chosen one") {
  Operator who = at_the_shop();
  (void)who.press(key(U'2'));
  (void)who.press(key(U'r'));
  CHECK(who.browser.place().selected_at == 0);
  (void)who.press(key(U'r'));
  (void)who.press(Name::kDown);
  const std::string chosen = who.browser.place().selected;
  (void)who.press(key(U'r'));
  const Listing reversed = who.listing();
  CHECK(who.browser.place().selected_at == 18);
  CHECK(reversed.ids[18] == chosen);
  CHECK(who.browser.place().first + page_of(who.size) > 18);
}

TEST_CASE("a chosen row that goes leaves the selection where it was") {
  Operator who = at_the_shop();
  (void)who.press(key(U'2'));
  (void)who.press(Name::kDown);
  (void)who.press(Name::kDown);
  Reading without = reading_at(2s);
  for (int i = 0; i < 9; ++i) add_class(without, "mail", "class-" + std::to_string(i), 0);
  who.model.take(std::move(without));
  (void)who.listing();
  CHECK(who.browser.place().selected_at == 2);
  Reading one = reading_at(3s);
  add_class(one, "mail", "class-1", 0);
  who.model.take(std::move(one));
  (void)who.listing();
  CHECK(who.browser.place().selected_at == 0);
  who.model.take(reading_at(4s));
  (void)who.press(Name::kDown);
  (void)who.press(Name::kEnter);
  CHECK(who.browser.view() == View::kClasses);
}

TEST_CASE("moving keeps the selection on the screen and within the rows") {
  Operator who = at_the_shop();
  who.size = {80, 12};
  (void)who.press(key(U'2'));
  const std::size_t page = page_of(who.size);
  for (const Name name : {Name::kPageDown, Name::kEnd, Name::kDown, Name::kPageUp, Name::kUp,
                          Name::kHome, Name::kUp, Name::kPageDown}) {
    (void)who.press(name);
    (void)who.listing();
    const Place& place = who.browser.place();
    CHECK(place.selected_at < 20);
    CHECK(place.first <= place.selected_at);
    CHECK(place.selected_at < place.first + page);
  }
  (void)who.press(Name::kEnd);
  (void)who.listing();
  CHECK(who.browser.place().selected_at == 19);
}

TEST_CASE("a filter is typed, edited, kept with enter and cleared with escape") {
  Operator who = at_the_shop();
  (void)who.press(key(U'2'));
  who.type(U"/clasq");
  CHECK(who.browser.typing());
  CHECK(who.browser.place().filter == "clasq");
  CHECK(who.listing().rows.empty());
  (void)who.press(Name::kBackspace);
  CHECK(who.listing().rows.size() == 20);
  (void)who.press(Name::kEnter);
  CHECK_FALSE(who.browser.typing());
  (void)who.press(Name::kEscape);
  CHECK(who.browser.place().filter.empty());
  CHECK(who.browser.view() == View::kClasses);
}

TEST_CASE("a filter takes letters of any alphabet, one at a time, and is bounded") {
  Operator who = at_the_shop();
  who.type(U"/aя日🙂");
  CHECK(who.browser.place().filter == "aя日🙂");
  (void)who.press(Name::kBackspace);
  (void)who.press(Name::kBackspace);
  CHECK(who.browser.place().filter == "aя");
  who.type(std::u32string(1000, U'x'));
  CHECK(who.browser.place().filter.size() <= 64);
  (void)who.press(key(21));
  CHECK(who.browser.place().filter.empty());
}

TEST_CASE("each view has its own filter and order") {
  Operator who = at_the_shop();
  (void)who.press(key(U'N'));
  (void)who.press(key(U'2'));
  CHECK(who.browser.place().order.key == SortKey::kCpu);
  (void)who.press(key(U'1'));
  CHECK(who.browser.place().order.key == SortKey::kName);
}

TEST_CASE("a key that cannot be obeyed says so, and the next one takes that away") {
  Operator who = at_the_shop();
  (void)who.press(key(U'3'));
  (void)who.press(key(U'P'));
  CHECK(has(who.browser.note(), "not sorted by polls"));
  CHECK(who.browser.place().order.key == SortKey::kAge);
  (void)who.press(key(U'#'));
  CHECK(has(who.browser.note(), "no such key"));
  (void)who.press(key(U'C'));
  CHECK(who.browser.note().empty());
}

TEST_CASE("the interval goes up and down in steps, from any value, and ends at both ends") {
  Browser browser(Start{.interval = 300ms});
  const Rows rows;
  const auto press = [&](char32_t character) { (void)browser.press(key(character), rows, {}, 10); };
  press(U'+');
  CHECK(browser.interval() == 500ms);
  press(U'-');
  CHECK(browser.interval() == 200ms);
  for (int i = 0; i < 20; ++i) press(U'-');
  CHECK(browser.interval() == 100ms);
  for (int i = 0; i < 20; ++i) press(U'+');
  CHECK(browser.interval() == 60s);
}

TEST_CASE("q quits, also from the help, and any other key leaves that") {
  Operator who = at_the_shop();
  CHECK(who.press(key(U'h')) == Browser::Outcome::kGoOn);
  CHECK(who.browser.helps());
  CHECK(who.press(key(U'2')) == Browser::Outcome::kGoOn);
  CHECK_FALSE(who.browser.helps());
  CHECK(who.browser.view() == View::kServices);
  (void)who.press(key(U'?'));
  CHECK(who.press(key(U'q')) == Browser::Outcome::kQuit);
  CHECK(who.press(key(U'q')) == Browser::Outcome::kQuit);
  who.type(U"/q");
  CHECK(who.browser.place().filter == "q");
}

}  // namespace
}  // namespace pulsed::ctl::top
