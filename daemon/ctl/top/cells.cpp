#include "daemon/ctl/top/cells.h"

namespace pulsed::ctl::top {
namespace {

// Below these a sparkline stays at its lowest bars: a tenth of a CPU, a millisecond.
constexpr double kCpuFloor = 0.1;
constexpr double kP99FloorSeconds = 1e-3;

}  // namespace

Cell plain(std::string text) { return {.text = std::move(text)}; }

Cell count_cell(std::uint64_t count, Style if_any) {
  return {.text = number_text(static_cast<double>(count)),
          .style = count > 0 ? if_any : Style::kPlain};
}

Cell rate_cell(const Rate& rate, Style if_any) {
  return {.text = rate_text(rate), .style = rate.value_or(0) > 0 ? if_any : Style::kPlain};
}

Cell age_cell(const std::optional<Oldest>& oldest) {
  if (!oldest) return {.text = "-", .style = Style::kDim};
  return {.text = duration_text(oldest->age),
          .style = oldest->over_budget ? Style::kBad : Style::kPlain};
}

Cell blame_cell(Blame blame) {
  const Style style = blame == Blame::kBurning    ? Style::kBad
                      : blame == Blame::kRunnable ? Style::kCaution
                                                  : Style::kPlain;
  return {.text = std::string(name(blame)), .style = style};
}

Cell tier_cell(Tier tier, bool pinned) {
  return {.text = std::string(1, letter(tier)) + (pinned ? "!" : ""), .style = tier_style(tier)};
}

Cell sparkline_cell(const Past* past, bool p99) {
  if (past == nullptr) return {};
  return {.style = Style::kSparkline,
          .series = p99 ? &past->p99 : &past->cpu,
          .floor = p99 ? kP99FloorSeconds : kCpuFloor};
}

char letter(Tier tier) { return "MWYI"[static_cast<std::size_t>(tier)]; }

std::string_view name(Tier tier) {
  constexpr std::string_view kNames[] = {"monitor", "warn", "yield", "isolate"};
  return kNames[static_cast<std::size_t>(tier)];
}

std::string_view name(Enforcement enforcement) {
  constexpr std::string_view kNames[] = {"observe", "shadow", "enforce"};
  return kNames[static_cast<std::size_t>(enforcement)];
}

std::string_view name(Blame blame) {
  constexpr std::string_view kNames[] = {"", "burning", "runnable", "blocked"};
  return kNames[static_cast<std::size_t>(blame)];
}

}  // namespace pulsed::ctl::top
