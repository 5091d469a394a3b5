// Policies of chance, whose fields lie within their ranges or, now and then, beside them.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <type_traits>

#include "daemon/policy/field_table.h"
#include "daemon/policy/policy.h"

namespace pulsed::test {

class RandomPolicies {
 public:
  explicit RandomPolicies(std::uint32_t seed) : random_(seed) {}

  [[nodiscard]] policy::Policy next() {
    policy::Policy policy;
    policy.enforcement = static_cast<policy::Enforcement>(below(policy::kEnforcementCount));
    policy.enforcement_limit = static_cast<policy::Enforcement>(below(policy::kEnforcementCount));
    policy.profile = static_cast<policy::Profile>(below(policy::kProfileCount));
    policy.defaults = overrides();
    for (std::uint64_t left = below(4); left > 0; --left) policy.rules.push_back(rule());
    return policy;
  }

  // Changes a few bytes, or cuts some off.
  void damage(std::string& bytes) {
    for (std::uint64_t left = 1 + below(4); left > 0 && !bytes.empty(); --left) {
      bytes[below(bytes.size())] = static_cast<char>(below(256));
    }
    if (below(4) == 0) bytes.resize(below(bytes.size() + 1));
  }

 private:
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
  }
  [[nodiscard]] bool one_in(std::uint64_t n) { return below(n) == 0; }

  [[nodiscard]] policy::Duration value(const policy::DurationRange& range) {
    if (one_in(200)) return range.most + policy::Duration{1};
    // As many short ones as long ones.
    const auto span = std::uint64_t{1} << below(47);
    return std::min(range.most,
                    range.least + policy::Duration{static_cast<std::int64_t>(below(span))});
  }
  [[nodiscard]] std::uint32_t value(const policy::CountRange& range) {
    if (one_in(200)) return range.most + 1;
    return static_cast<std::uint32_t>(range.least +
                                      below(std::uint64_t{range.most} - range.least + 1));
  }
  [[nodiscard]] double value(policy::Share /*limits*/) {
    return static_cast<double>(1 + below(1'000'000)) / 1e6;
  }
  [[nodiscard]] policy::Tier value(policy::TierName /*limits*/) {
    return static_cast<policy::Tier>(below(policy::kTierCount));
  }
  [[nodiscard]] std::uint32_t value(const policy::SpareCount& limits) {
    return one_in(2) ? policy::kAsManyAsWorkers : value(limits.count);
  }
  [[nodiscard]] policy::OsPriority value(const policy::LoweredTo& limits) {
    using Kind = policy::OsPriority::Kind;
    const auto kind = static_cast<Kind>(below(3));
    if (kind != Kind::kNice) return {.kind = kind};
    return {Kind::kNice, static_cast<std::uint8_t>(value(limits.nice))};
  }

  template <typename T, typename Limits>
  void set(std::optional<T>& field, const Limits& limits) {
    field = value(limits);
  }
  template <typename T, std::size_t N, typename Limits>
  void set(std::optional<std::array<T, N>>& field, const Limits& limits) {
    field.emplace();
    for (T& each : *field) each = value(limits);
  }

  [[nodiscard]] policy::TierOverrides overrides() {
    policy::TierOverrides overrides;
    policy::for_each_tier_field([&](const auto& field) {
      if (one_in(6)) set(overrides.*field.set, field.limits);
    });
    return overrides;
  }

  [[nodiscard]] policy::Rule rule() {
    policy::Rule rule;
    rule.match.service = text();
    rule.match.task_class = text();
    if (one_in(3)) rule.match.uid = static_cast<std::uint32_t>(below(4'294'967'295));
    if (one_in(2)) rule.priority = static_cast<policy::Priority>(below(policy::kPriorityCount));
    if (one_in(2)) rule.weight = static_cast<std::uint32_t>(1 + below(1000));
    if (one_in(2)) rule.may_migrate = one_in(2);
    if (one_in(2))
      rule.enforcement = static_cast<policy::Enforcement>(below(policy::kEnforcementCount));
    rule.set = overrides();
    return rule;
  }

  [[nodiscard]] std::string text() {
    static constexpr std::string_view kPieces[] = {"*",  "?", "shop", "/", "\"", "\\", "#",
                                                   ": ", "é", "'",    "-", " ",  "{",  "0"};
    std::string out;
    for (std::uint64_t left = below(4); left > 0; --left) out += kPieces[below(std::size(kPieces))];
    return out;
  }

  std::mt19937 random_;
};

}  // namespace pulsed::test
