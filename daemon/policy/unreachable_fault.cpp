#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/policy/fault.h"
#include "daemon/policy/field_table.h"
#include "daemon/policy/match.h"

namespace pulsed::policy {
namespace {

using FieldSet = std::uint32_t;  // a bit a field
static_assert(kFieldCount <= 32);

FieldSet fields_set(const Rule& rule) {
  FieldSet set = 0;
  FieldSet bit = 1;
  const auto add = [&](bool is_set) {
    if (is_set) set |= bit;
    bit <<= 1;
  };
  for_each_tier_field([&](const auto& field) { add((rule.set.*field.set).has_value()); });
  for_each_rule_field([&](const auto& field) { add((rule.*field.set).has_value()); });
  return set;
}

// The earlier rules that leave `rule` nothing to set: one alone if there is one, else all that take part;
// none when something is left.
std::vector<std::size_t> hidden_by(const Policy& policy, const std::vector<FieldSet>& sets,
                                   std::size_t rule) {
  const FieldSet wanted = sets[rule];
  FieldSet left = wanted;
  std::vector<std::size_t> takers;
  for (std::size_t i = 0; i < rule; ++i) {
    const bool alone = (wanted & ~sets[i]) == 0;
    if (!alone && (left & sets[i]) == 0) continue;
    if (!covers(policy.rules[i].match, policy.rules[rule].match)) continue;
    if (alone) return {i};
    left &= ~sets[i];
    takers.push_back(i);
  }
  if (left != 0) takers.clear();
  return takers;
}

std::string names(const std::vector<std::size_t>& rules) {
  std::string out;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (i > 0) out += i + 1 == rules.size() ? " and " : ", ";
    out += rule_name(rules[i]);
  }
  return out;
}

std::string never_reached(const std::vector<std::size_t>& takers) {
  const std::string who = names(takers);
  if (takers.size() == 1) {
    return "is never reached: " + who +
           " matches all that it matches and sets every field it sets; put " + "it before " + who +
           ", or remove it";
  }
  return "is never reached: " + who +
         " each match all that it matches, and together set every field it sets; put it before "
         "them, or " +
         "remove it";
}

}  // namespace

Fault unreachable_fault(const Policy& policy) {
  std::vector<FieldSet> sets;
  sets.reserve(policy.rules.size());
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    sets.push_back(fields_set(policy.rules[i]));
    if (sets[i] == 0) return rule_name(i) + ": sets nothing; give it a field, or remove it";
    const std::vector<std::size_t> takers = hidden_by(policy, sets, i);
    if (!takers.empty()) return rule_name(i) + ": " + never_reached(takers);
  }
  return {};
}

}  // namespace pulsed::policy
