// Where the operator is and what each key does: views, what is selected, sorting, filters, pause. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

#include "daemon/ctl/top/key.h"
#include "daemon/ctl/top/listing.h"
#include "daemon/ctl/top/rows.h"

namespace pulsed::ctl::top {

// Each view keeps its own.
struct Place {
  Order order;
  std::string filter;
  // The id of the row that was chosen by a key. Empty until then, so that what is on top is selected whatever it is.
  std::string selected;
  std::size_t selected_at = 0;  // whoever comes there takes over when the row is gone
  std::size_t first = 0;        // row shown at the top
};

// What the command line says.
struct Start {
  View view = View::kServices;
  std::optional<std::string> service;  // only this one's classes or workers
  std::optional<SortKey> sort;
  bool reversed = false;
  std::string filter;
  std::chrono::milliseconds interval{1000};
};

class Browser {
 public:
  enum class Outcome : std::uint8_t { kGoOn, kQuit };

  explicit Browser(const Start& start);

  // `rows` and `listing` are what was on the screen, of which `page` rows are seen at a time.
  [[nodiscard]] Outcome press(Key key, const Rows& rows, const Listing& listing, std::size_t page);

  [[nodiscard]] Listing list(const Rows& rows) const;
  // Keeps the selection on its row, and that on the screen.
  void settle(const Listing& listing, std::size_t page);

  void open(View view);  // of all services
  [[nodiscard]] View view() const { return view_; }
  [[nodiscard]] Place& place() { return places_[static_cast<std::size_t>(view_)]; }
  [[nodiscard]] const Place& place() const { return places_[static_cast<std::size_t>(view_)]; }
  [[nodiscard]] const Scope& scope() const { return scope_; }

  [[nodiscard]] std::chrono::milliseconds interval() const { return interval_; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] bool helps() const { return helps_; }
  [[nodiscard]] bool typing() const { return typing_; }  // a filter
  [[nodiscard]] bool totals() const { return totals_; }  // instead of rates
  [[nodiscard]] bool draws_p99() const { return draws_p99_; }
  // What the last key could not do; empty if it could.
  [[nodiscard]] const std::string& note() const { return note_; }

 private:
  void type(Key key);
  void refilter(std::string filter);
  [[nodiscard]] Outcome press_character(char32_t character);
  void move(Key::Name name, const Listing& listing, std::size_t page);
  void select(const Listing& listing, std::size_t at);
  void enter(const Rows& rows, const Listing& listing);
  void leave();
  void go(View view, Scope scope);
  void sort_by(SortKey key);
  void change_interval(int steps);

  View view_ = View::kServices;
  Scope scope_;
  bool from_all_classes_ = false;  // the workers seen were opened from there
  std::array<Place, kViewCount> places_;
  std::chrono::milliseconds interval_;
  bool paused_ = false;
  bool helps_ = false;
  bool typing_ = false;
  bool totals_ = false;
  bool draws_p99_ = false;
  std::string note_;
};

}  // namespace pulsed::ctl::top
