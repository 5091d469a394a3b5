// What each view shows of a row, and in which columns.
#pragma once

#include <string>

#include "daemon/ctl/top/browser.h"
#include "daemon/ctl/top/model.h"
#include "daemon/ctl/top/table.h"

namespace pulsed::ctl::top {

// What of a listing is seen: `count` rows from `first` on.
struct Window {
  std::size_t first = 0;
  std::size_t count = 0;
  bool for_scripts = false;  // the same columns whatever there is to show
};

[[nodiscard]] Table service_table(const Model& model, const Browser& browser,
                                  const Listing& listing, Window window);
[[nodiscard]] Table class_table(const Model& model, const Browser& browser, const Listing& listing,
                                Window window);
[[nodiscard]] Table worker_table(const Model& model, const Browser& browser, const Listing& listing,
                                 Window window);

// Of the listing's view.
[[nodiscard]] Table table_of(const Model& model, const Browser& browser, const Listing& listing,
                             Window window);

// What there is no room for in the table, of the selected row: its whole name first. Empty without rows.
[[nodiscard]] std::string detail_of(const Model& model, const Browser& browser,
                                    const Listing& listing);

}  // namespace pulsed::ctl::top
