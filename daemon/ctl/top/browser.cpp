#include "daemon/ctl/top/browser.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace pulsed::ctl::top {
namespace {

using std::chrono::milliseconds;

constexpr std::array<milliseconds, 9> kIntervals{
    milliseconds{100},    milliseconds{200},    milliseconds{500},
    milliseconds{1'000},  milliseconds{2'000},  milliseconds{5'000},
    milliseconds{10'000}, milliseconds{30'000}, milliseconds{60'000}};

constexpr std::size_t kMostFilterBytes = 64;  // names are no longer

void append_utf8(std::string& text, char32_t code) {
  const auto byte = [&](char32_t value) { text += static_cast<char>(value); };
  const auto tail = [&](int shift) { byte(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    byte(0xf0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

void remove_last_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

std::optional<SortKey> sort_key(char32_t character) {
  switch (character) {
    case U'P':
    case U'p':
      return SortKey::kPolls;
    case U'C':
    case U'c':
      return SortKey::kCpu;
    case U'V':
    case U'v':
      return SortKey::kViolations;
    case U'A':
    case U'a':
      return SortKey::kAge;
    case U'N':
    case U'n':
      return SortKey::kName;
    default:
      return std::nullopt;
  }
}

}  // namespace

Browser::Browser(const Start& start) : view_(start.view), interval_(start.interval) {
  places_[static_cast<std::size_t>(View::kWorkers)].order.key = SortKey::kAge;
  scope_.service = start.service;
  if (start.sort) place().order.key = *start.sort;
  place().order.reversed = start.reversed;
  place().filter = start.filter;
}

Browser::Outcome Browser::press(Key key, const Rows& rows, const Listing& listing,
                                std::size_t page) {
  note_.clear();
  if (typing_) {
    type(key);
    return Outcome::kGoOn;
  }
  if (std::exchange(helps_, false)) {
    const bool quits =
        key.name == Key::Name::kCharacter && (key.character == U'q' || key.character == 3);
    return quits ? Outcome::kQuit : Outcome::kGoOn;
  }
  switch (key.name) {
    case Key::Name::kCharacter:
      if (key.character != U'j' && key.character != U'k') return press_character(key.character);
      move(key.character == U'j' ? Key::Name::kDown : Key::Name::kUp, listing, page);
      break;
    case Key::Name::kEnter:
    case Key::Name::kRight:
      enter(rows, listing);
      break;
    case Key::Name::kEscape:
      if (place().filter.empty()) {
        leave();
      } else {
        refilter({});
      }
      break;
    case Key::Name::kBackspace:
    case Key::Name::kLeft:
      leave();
      break;
    default:
      move(key.name, listing, page);
  }
  return Outcome::kGoOn;
}

void Browser::type(Key key) {
  std::string filter = place().filter;
  switch (key.name) {
    case Key::Name::kEnter:
      typing_ = false;
      return;
    case Key::Name::kEscape:
      typing_ = false;
      filter.clear();
      break;
    case Key::Name::kBackspace:
      if (filter.empty()) typing_ = false;
      remove_last_character(filter);
      break;
    case Key::Name::kCharacter:
      if (key.character == 21) filter.clear();  // Ctrl-U
      if (key.character < 32 || key.character == 127) break;
      append_utf8(filter, key.character);
      if (filter.size() > kMostFilterBytes) return;
      break;
    default:
      return;
  }
  refilter(std::move(filter));
}

void Browser::refilter(std::string filter) {
  if (filter == place().filter) return;
  place().filter = std::move(filter);
  place().first = 0;
}

Browser::Outcome Browser::press_character(char32_t character) {
  if (const std::optional<SortKey> key = sort_key(character)) {
    sort_by(*key);
    return Outcome::kGoOn;
  }
  switch (character) {
    case U'q':
    case U'Q':
    case 3:  // Ctrl-C, where the terminal sends it as a character
      return Outcome::kQuit;
    case U'1':
    case U'2':
    case U'3':
      open(static_cast<View>(character - U'1'));
      break;
    case U'r':
    case U'R':
      place().order.reversed = !place().order.reversed;
      break;
    case U'/':
      typing_ = true;
      break;
    case U' ':
      paused_ = !paused_;
      break;
    case U't':
      totals_ = !totals_;
      break;
    case U's':
      draws_p99_ = !draws_p99_;
      break;
    case U'+':
    case U'=':
      change_interval(1);
      break;
    case U'-':
      change_interval(-1);
      break;
    case U'h':
    case U'?':
      helps_ = true;
      break;
    default:
      note_ = "no such key: h lists those there are";
  }
  return Outcome::kGoOn;
}

void Browser::sort_by(SortKey key) {
  if (!sorts_by(view_, key)) {
    note_ = std::string(name(view_)) + " are not sorted by " + std::string(name(key)) +
            ": C, A or N does that";
    return;
  }
  place().order = {.key = key};
  place().first = 0;
}

void Browser::change_interval(int steps) {
  auto at = std::lower_bound(kIntervals.begin(), kIntervals.end(), interval_);
  if (steps > 0 && at != kIntervals.end() && *at == interval_) ++at;
  if (steps < 0 && at != kIntervals.begin()) --at;
  if (at != kIntervals.end()) interval_ = *at;
}

void Browser::move(Key::Name key, const Listing& listing, std::size_t page) {
  if (listing.ids.empty()) return;
  const std::size_t last = listing.ids.size() - 1;
  const std::size_t at = std::min(place().selected_at, last);
  page = std::max<std::size_t>(page, 1);
  switch (key) {
    case Key::Name::kUp:
      return select(listing, at == 0 ? 0 : at - 1);
    case Key::Name::kDown:
      return select(listing, std::min(at + 1, last));
    case Key::Name::kPageUp:
      return select(listing, at < page ? 0 : at - page);
    case Key::Name::kPageDown:
      return select(listing, std::min(at + page, last));
    case Key::Name::kHome:
      place().selected.clear();
      place().selected_at = 0;
      return;
    case Key::Name::kEnd:
      return select(listing, last);
    default:
      return;
  }
}

void Browser::select(const Listing& listing, std::size_t at) {
  place().selected_at = at;
  place().selected = listing.ids[at];
}

void Browser::enter(const Rows& rows, const Listing& listing) {
  if (listing.rows.empty() || view_ == View::kWorkers) return;
  const std::size_t row = listing.rows[std::min(place().selected_at, listing.rows.size() - 1)];
  if (view_ == View::kServices) {
    go(View::kClasses, {.service = rows.services[row].service});
  } else {
    const ClassReading& reading = rows.classes[row].reading;
    // Whoever came here from a service goes back to that one; from all classes, to all of them.
    from_all_classes_ = !scope_.service;
    go(View::kWorkers, {.service = reading.service, .task_class = reading.task_class});
  }
}

void Browser::leave() {
  if (view_ == View::kServices) return;
  if (view_ == View::kClasses) {
    view_ = View::kServices;
    scope_ = {};
    return;
  }
  view_ = View::kClasses;
  scope_.task_class.reset();
  if (from_all_classes_) scope_ = {};
}

void Browser::open(View view) { go(view, {}); }

void Browser::go(View view, Scope scope) {
  view_ = view;
  scope_ = std::move(scope);
  Order order = place().order;
  place() = {.order = order};
}

Listing Browser::list(const Rows& rows) const {
  return top::list(rows, view_, scope_, place().order, place().filter);
}

void Browser::settle(const Listing& listing, std::size_t page) {
  Place& here = place();
  if (listing.ids.empty()) {
    here.selected_at = 0;
    here.first = 0;
    return;
  }
  if (!here.selected.empty()) {
    const auto found = std::find(listing.ids.begin(), listing.ids.end(), here.selected);
    if (found != listing.ids.end())
      here.selected_at = static_cast<std::size_t>(found - listing.ids.begin());
    else
      here.selected.clear();
  }
  here.selected_at = std::min(here.selected_at, listing.ids.size() - 1);
  page = std::max<std::size_t>(page, 1);
  if (here.selected_at < here.first) here.first = here.selected_at;
  if (here.selected_at >= here.first + page) here.first = here.selected_at - page + 1;
  here.first = std::min(here.first, listing.ids.size() - std::min(listing.ids.size(), page));
}

}  // namespace pulsed::ctl::top
