#include "daemon/config/explanation.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "daemon/config/value_text.h"

namespace pulsed::config {
namespace {

using policy::Origin;
using policy::Place;
using policy::Scaling;

// Of a class's priority: what it makes of the budget.
constexpr std::array<std::string_view, policy::kPriorityCount> kFactors{"4", "2", "1", "0.5"};

std::string origin_text(const policy::Policy& policy, Origin origin) {
  switch (origin.place) {
    case Place::kBuiltIn:
      break;
    case Place::kRegistration:
      return "registration";
    case Place::kProfile:
      return "profile " + std::string(policy::name(policy.profile));
    case Place::kDefaults:
      return "defaults";
    case Place::kRule:
      return "rules[" + std::to_string(origin.rule) + "]";
    case Place::kEnforcement:
      return "enforcement";
    case Place::kEnforcementLimit:
      return "enforcement_limit";
  }
  return "built in";
}

std::string scaling_note(Scaling scaling, const std::string& unscaled, policy::Priority priority) {
  if (scaling == Scaling::kWithinBudget) return unscaled + " cut to the poll_budget";
  return unscaled + " x " + std::string(kFactors[policy::index(priority)]) + " by priority " +
         std::string(policy::name(priority));
}

template <typename HeldDown>
std::string held_down_note(const policy::Policy& policy, const HeldDown& held_down) {
  if (!held_down) return {};
  return std::string(policy::name(held_down->from)) + " by " +
         origin_text(policy, held_down->origin) + ", held down";
}

}  // namespace

std::vector<ExplainedField> explained(const policy::Policy& policy, const policy::Subject& subject,
                                      policy::Priority registered) {
  const policy::Explanation why = policy::explain(policy, subject, registered);
  std::vector<ExplainedField> out;
  policy::for_each_tier_field([&](const auto& field) {
    const auto& value = why.holds.fields.*field.value;
    const auto& unscaled = why.unscaled.*field.value;
    std::string note;
    if (value != unscaled) {
      note = scaling_note(field.scaling, value_text(unscaled, field.limits), why.holds.priority);
    }
    out.push_back({field.name, value_text(value, field.limits),
                   origin_text(policy, why.origins[out.size()]), std::move(note)});
  });
  policy::for_each_rule_field([&](const auto& field) {
    out.push_back({field.name,
                   value_text(why.holds.*field.value, field.limits),
                   origin_text(policy, why.origins[out.size()]),
                   {}});
  });
  out[policy::kEnforcementAt].note = held_down_note(policy, why.held_down);
  out[policy::kMaxTierAt].note = held_down_note(policy, why.max_tier_held_down);
  return out;
}

std::string explanation_text(const std::vector<ExplainedField>& fields) {
  std::size_t widest = 0;
  for (const ExplainedField& field : fields) {
    widest = std::max(widest, field.name.size() + 2 + field.value.size());
  }
  std::string out;
  for (const ExplainedField& field : fields) {
    std::string line = std::string(field.name) + ": " + field.value;
    line.resize(widest + 2, ' ');
    line += field.origin;
    if (!field.note.empty()) line += " (" + field.note + ")";
    out += line + "\n";
  }
  return out;
}

std::vector<std::pair<std::string_view, std::string>> field_texts(
    const policy::ClassPolicy& policy) {
  std::vector<std::pair<std::string_view, std::string>> out;
  policy::for_each_tier_field([&](const auto& field) {
    out.emplace_back(field.name, value_text(policy.fields.*field.value, field.limits));
  });
  policy::for_each_rule_field([&](const auto& field) {
    out.emplace_back(field.name, value_text(policy.*field.value, field.limits));
  });
  return out;
}

}  // namespace pulsed::config
