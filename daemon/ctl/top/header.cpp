#include "daemon/ctl/top/header.h"

#include <algorithm>
#include <string>

#include "daemon/ctl/top/cells.h"
#include "daemon/ctl/top/text.h"

namespace pulsed::ctl::top {
namespace {

struct Fact {
  std::string text;
  Style style = Style::kPlain;
  int rank = 100;  // the lowest goes first when there is no room
};

constexpr std::size_t kGap = 2;

std::size_t total(const std::vector<Fact>& facts) {
  std::size_t sum = 0;
  for (const Fact& fact : facts) sum += columns(fact.text) + kGap;
  return sum == 0 ? 0 : sum - kGap;
}

Line line_of(std::vector<Fact> facts, std::size_t width) {
  std::erase_if(facts, [](const Fact& fact) { return fact.text.empty(); });
  while (facts.size() > 1 && total(facts) > width) {
    facts.erase(std::min_element(facts.begin(), facts.end(),
                                 [](const Fact& a, const Fact& b) { return a.rank < b.rank; }));
  }
  Line line;
  for (Fact& fact : facts) {
    if (!line.spans.empty()) line.spans.push_back({std::string(kGap, ' ')});
    line.spans.push_back({std::move(fact.text), fact.style});
  }
  return cut(std::move(line), width);
}

std::string counted(std::string_view what, std::uint64_t count) {
  return std::string(what) + " " + number_text(static_cast<double>(count));
}

Style if_any(std::uint64_t count, Style style) { return count > 0 ? style : Style::kPlain; }

Fact enforcement_fact(const StatusReading& status) {
  std::string text(name(status.enforcement));
  if (status.enforcement_limit != Enforcement::kEnforce)
    text += ", limit " + std::string(name(status.enforcement_limit));
  const bool acts = std::min(status.enforcement, status.enforcement_limit) == Enforcement::kEnforce;
  return {std::move(text), acts ? Style::kGood : Style::kCaution, 120};
}

// The loop ticks every 10 ms at rest; one that did not for so long is stopped or starved.
constexpr Duration kLateTick = std::chrono::milliseconds{100};

Line daemon_line(const StatusReading& status, Now now, std::size_t width) {
  return line_of({{"pulsed " + status.version, Style::kBold, 110},
                  enforcement_fact(status),
                  {counted("revision", status.policy_revision), Style::kPlain, 90},
                  {status.profile, Style::kPlain, 50},
                  {"up " + duration_text(now.wall - status.started_at), Style::kPlain, 60},
                  {status.ready ? "" : "not ready", Style::kBad, 130}},
                 width);
}

Line services_line(const StatusReading& status, std::size_t width) {
  std::string tasks = counted("tasks", status.tasks);
  if (status.tasks_above_monitor > 0)
    tasks += " (" + counted("above monitor", status.tasks_above_monitor) + ")";
  return line_of({{counted("services", status.services)},
                  {counted("workers", status.workers), Style::kPlain, 90},
                  {std::move(tasks), if_any(status.tasks_above_monitor, Style::kCaution), 110},
                  {counted("spares awake", status.spare_workers_awake),
                   if_any(status.spare_workers_awake, Style::kCaution), 80},
                  {counted("demoted", status.demoted_threads),
                   if_any(status.demoted_threads, Style::kCaution), 85}},
                 width);
}

std::string tick_text(Duration since) {
  if (since < std::chrono::milliseconds{1}) return "last tick just now";
  return "last tick " + duration_text(since) + " ago";
}

Line polls_line(const Model& model, std::size_t width) {
  const StatusReading& status = model.latest().status;
  const bool drops = model.rows().dropped_samples.value_or(0) > 0;
  std::string dropped = counted("dropped", status.dropped_samples);
  if (drops) dropped += " (" + rate_text(model.rows().dropped_samples) + "/s)";
  return line_of({{counted("in flight over budget", status.in_flight_over_budget),
                   if_any(status.in_flight_over_budget, Style::kBad), 110},
                  {"samples " + rate_text(model.rows().samples) + "/s", Style::kPlain, 60},
                  {std::move(dropped), drops ? Style::kBad : Style::kPlain, 80},
                  {tick_text(status.since_last_tick),
                   status.since_last_tick > kLateTick ? Style::kBad : Style::kPlain, 70}},
                 width);
}

// Why is the longest part, and its end says most: before it stands a path, behind a semicolon advice.
std::string lost_text(const Model& model, Now now, std::size_t width) {
  const std::string begin = "not connected: ";
  std::string end = ", trying again";
  if (!model.empty()) end += " (" + duration_text(now.steady - model.latest().at) + " old)";
  const std::string_view why = std::string_view(*model.lost()).substr(0, model.lost()->find(';'));
  const std::size_t rest = columns(begin) + columns(end);
  return begin + end_of(why, width > rest ? width - rest : 1) + end;
}

std::string interval_text(std::chrono::milliseconds interval) {
  return "every " + duration_text(interval);
}

std::string order_text(const Order& order) {
  return "by " + std::string(name(order.key)) + (order.reversed ? ", reversed" : "");
}

}  // namespace

std::vector<Line> status_lines(const Model& model, Now now, std::size_t width) {
  if (model.empty()) return {{{{"pulsectl top", Style::kBold}}}, {}, {}};
  const StatusReading& status = model.latest().status;
  return {daemon_line(status, now, width), services_line(status, width), polls_line(model, width)};
}

Line connection_line(const Model& model, const Browser& browser, Now now, std::size_t width) {
  const Fact paused{browser.paused() ? "PAUSED" : "", Style::kCaution, 120};
  if (model.lost()) {
    const std::size_t taken = paused.text.empty() ? 0 : columns(paused.text) + kGap;
    return line_of({paused, {lost_text(model, now, width - taken), Style::kBad, 130}}, width);
  }
  if (model.empty()) return line_of({{"connecting", Style::kCaution}}, width);
  return line_of({paused,
                  {"connected", Style::kGood, 100},
                  {interval_text(browser.interval()), Style::kPlain, 90},
                  {browser.totals() ? "totals since pulsed started" : "", Style::kPlain, 95},
                  {browser.note(), Style::kCaution, 110}},
                 width);
}

Line listing_line(const Browser& browser, const Listing& listing, std::size_t width) {
  const Scope& scope = browser.scope();
  std::string what(name(browser.view()));
  if (scope.task_class) what += " that poll " + std::string(shown_class(*scope.task_class));
  if (scope.service) what += " of " + *scope.service;
  const std::string& filter = browser.place().filter;
  std::string count = std::to_string(listing.rows.size());
  if (!filter.empty()) count += " of " + std::to_string(listing.in_scope);
  // A long name gives way to what says why rows are missing.
  const std::string shown_filter = filter.empty() ? "" : "filter: " + filter;
  const std::size_t rest = columns(count) + columns(shown_filter) + 2 * kGap;
  what = cut(what, std::max<std::size_t>(width, rest + 12) - rest);
  return line_of({{std::move(what), Style::kBold, 110},
                  {std::move(count), Style::kPlain, 100},
                  {order_text(browser.place().order), Style::kPlain, 80},
                  {shown_filter, Style::kCaution, 120}},
                 width);
}

}  // namespace pulsed::ctl::top
