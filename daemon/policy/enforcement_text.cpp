#include "daemon/policy/enforcement_text.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace pulsed::policy {
namespace {

std::string some_rules(std::size_t count, Enforcement enforcement) {
  constexpr std::array<std::string_view, kEnforcementCount> kOne{"observes", "shadows", "enforces"};
  constexpr std::array<std::string_view, kEnforcementCount> kMany{"observe", "shadow", "enforce"};
  const auto at = static_cast<std::size_t>(enforcement);
  return count == 1 ? "1 rule " + std::string(kOne[at])
                    : std::to_string(count) + " rules " + std::string(kMany[at]);
}

}  // namespace

std::string enforcement_text(const Policy& policy) {
  const Enforcement most = policy.enforcement_limit;
  const Enforcement usual = std::min(policy.enforcement, most);
  std::array<std::size_t, kEnforcementCount> rules{};
  for (const Rule& rule : policy.rules) {
    if (rule.enforcement) ++rules[static_cast<std::size_t>(std::min(*rule.enforcement, most))];
  }
  std::string others;
  for (std::size_t i = kEnforcementCount; i-- > 0;) {
    const auto enforcement = static_cast<Enforcement>(i);
    if (rules[i] == 0 || enforcement == usual) continue;
    others += (others.empty() ? "" : ", ") + some_rules(rules[i], enforcement);
  }
  return std::string(name(usual)) + (others.empty() ? "" : " (" + others + ")");
}

}  // namespace pulsed::policy
