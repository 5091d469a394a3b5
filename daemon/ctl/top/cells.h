// Cells that more than one table has.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ctl/top/browser.h"
#include "daemon/ctl/top/history.h"
#include "daemon/ctl/top/rows.h"
#include "daemon/ctl/top/table.h"

namespace pulsed::ctl::top {

[[nodiscard]] Cell plain(std::string text);
[[nodiscard]] Cell count_cell(std::uint64_t count, Style if_any = Style::kPlain);
[[nodiscard]] Cell rate_cell(const Rate& rate, Style if_any = Style::kPlain);
[[nodiscard]] Cell age_cell(const std::optional<Oldest>& oldest);
[[nodiscard]] Cell blame_cell(Blame blame);
[[nodiscard]] Cell tier_cell(Tier tier, bool pinned);
[[nodiscard]] Cell sparkline_cell(const Past* past, bool p99);

// The column that names the service tells nothing while there is one alone.
template <typename Row, typename ServiceOf>
[[nodiscard]] bool of_one_service(const std::vector<Row>& rows, ServiceOf service) {
  return std::all_of(rows.begin(), rows.end(),
                     [&](const Row& row) { return service(row) == service(rows.front()); });
}

[[nodiscard]] char letter(Tier tier);  // M, W, Y, I
[[nodiscard]] std::string_view name(Tier tier);
[[nodiscard]] std::string_view name(Enforcement enforcement);
[[nodiscard]] std::string_view name(Blame blame);  // empty: not known

}  // namespace pulsed::ctl::top
