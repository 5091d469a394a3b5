#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "daemon/policy/fault.h"
#include "daemon/policy/match.h"

namespace pulsed::policy {
namespace {

// The fields that stand in a relation to each other. Unscaled: scaled() keeps emergency_poll and
// slow_poll in proportion to the budget, so what holds here holds for every priority.
struct Related {
  Duration poll_budget;
  Duration slow_poll;
  Duration emergency_poll;
};

Fault fault_of(const Related& f) {
  if (f.emergency_poll <= f.poll_budget) {
    return "emergency_poll " + text(f.emergency_poll) + " is not above the poll_budget " +
           text(f.poll_budget);
  }
  if (f.slow_poll < f.poll_budget) {
    return "slow_poll " + text(f.slow_poll) + " is below the poll_budget " + text(f.poll_budget);
  }
  return {};
}

// One of them: what the profile and the defaults say, and which rules say otherwise.
struct Said {
  Duration otherwise{};
  std::vector<std::optional<Duration>> by_rule;
  std::size_t by_all =
      0;  // the first rule that holds for all and sets it; their number if none does

  // Where exactly rules i <= j hold, and with them every rule that holds for all.
  [[nodiscard]] Duration where(std::size_t i, std::size_t j) const {
    for (const std::size_t rule : {i, j}) {
      if (rule < by_all && by_rule[rule]) return *by_rule[rule];
    }
    return by_all < by_rule.size() ? *by_rule[by_all] : otherwise;
  }
};

class Relations {
 public:
  explicit Relations(const Policy& policy)
      : rules_(policy.rules),
        poll_budget_(said(policy, &TierOverrides::poll_budget, &TierFields::poll_budget)),
        slow_poll_(said(policy, &TierOverrides::slow_poll, &TierFields::slow_poll)),
        emergency_poll_(said(policy, &TierOverrides::emergency_poll, &TierFields::emergency_poll)) {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      const TierOverrides& set = rules_[i].set;
      if (set.poll_budget || set.slow_poll || set.emergency_poll) setters_.push_back(i);
    }
  }

  [[nodiscard]] Fault of_defaults() const {
    return fault_of({poll_budget_.otherwise, slow_poll_.otherwise, emergency_poll_.otherwise});
  }

  [[nodiscard]] Fault of_one_rule() const {
    for (const std::size_t i : setters_) {
      if (Fault e = fault_of(where(i, i))) return rule_name(i) + ": " + *e;
    }
    return {};
  }

  // Every relation is between two fields, so pairs of rules cover what any number of them can produce.
  [[nodiscard]] Fault of_two_rules() const {
    for (auto i = setters_.begin(); i != setters_.end(); ++i) {
      for (auto j = i + 1; j != setters_.end(); ++j) {
        const Fault e = fault_of(where(*i, *j));
        if (!e || !overlap(rules_[*i].match, rules_[*j].match)) continue;
        return rule_name(*i) + " with " + rule_name(*j) + ": " + *e;
      }
    }
    return {};
  }

 private:
  static Said said(const Policy& policy, std::optional<Duration> TierOverrides::*set,
                   Duration TierFields::*value) {
    Said said;
    said.otherwise = (policy.defaults.*set).value_or(profile_fields(policy.profile).*value);
    for (const Rule& rule : policy.rules) said.by_rule.push_back(rule.set.*set);
    const auto by_all = std::find_if(
        policy.rules.begin(), policy.rules.end(),
        [&](const Rule& rule) { return (rule.set.*set).has_value() && holds_for_all(rule.match); });
    said.by_all = static_cast<std::size_t>(by_all - policy.rules.begin());
    return said;
  }

  [[nodiscard]] Related where(std::size_t i, std::size_t j) const {
    return {poll_budget_.where(i, j), slow_poll_.where(i, j), emergency_poll_.where(i, j)};
  }

  const std::vector<Rule>& rules_;
  Said poll_budget_;
  Said slow_poll_;
  Said emergency_poll_;
  std::vector<std::size_t> setters_;  // rules that set one of them
};

}  // namespace

Fault relation_fault(const Policy& policy) {
  const Relations relations(policy);
  if (Fault e = relations.of_defaults()) return "defaults: " + *e;
  if (Fault e = relations.of_one_rule()) return e;
  return relations.of_two_rules();
}

}  // namespace pulsed::policy
