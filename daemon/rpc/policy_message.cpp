#include "daemon/rpc/policy_message.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/config/policy_yaml.h"
#include "daemon/rpc/tier_fields_message.h"
#include "daemon/rpc/unknown_fields.h"

namespace pulsed::rpc {
namespace {

constexpr std::uint32_t kMostWeight = 1000;

// Values of the API's enums are one above ours: 0 is unspecified, which leaves `out` alone.
template <typename Value, typename Out>
void read_enum(int number, std::size_t count, std::string_view name, const FieldPath& path,
               Out& out) {
  if (number == 0) return;
  if (number > 0 && static_cast<std::size_t>(number) <= count) {
    out = static_cast<Value>(number - 1);
  } else {
    path.fault(std::to_string(number) + " is no " + std::string(name) + " that this pulsed knows");
  }
}

void read_enforcement(int number, const FieldPath& path, auto& out) {
  read_enum<policy::Enforcement>(number, policy::kEnforcementCount, "Enforcement", path, out);
}

std::string read_glob(const std::string& glob, const FieldPath& path) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (glob.size() > config::kLongestGlob) {
    path.fault("is longer than " + std::to_string(config::kLongestGlob) + " bytes");
  }
  if (std::any_of(glob.begin(), glob.end(), control)) path.fault("has control characters");
  return glob;
}

policy::Match read_match(const v1::Match& message, const FieldPath& path) {
  policy::Match match;
  match.service = read_glob(message.service(), path.of("service"));
  match.task_class = read_glob(message.class_(), path.of("class"));
  if (message.has_uid()) match.uid = message.uid();
  if (match.uid == std::numeric_limits<std::uint32_t>::max()) {
    path.of("uid").fault("4294967295 is nobody's uid");
  }
  return match;
}

policy::Rule read_rule(const v1::Rule& message, const FieldPath& path) {
  policy::Rule rule;
  rule.match = read_match(message.match(), path.of("match"));
  read_enum<policy::Priority>(message.priority(), policy::kPriorityCount, "Priority",
                              path.of("priority"), rule.priority);
  if (message.has_weight()) {
    rule.weight = message.weight();
    if (*rule.weight < 1 || *rule.weight > kMostWeight) {
      path.of("weight").fault(std::to_string(*rule.weight) + " is outside 1 to " +
                              std::to_string(kMostWeight));
    }
  }
  if (message.has_may_migrate()) rule.may_migrate = message.may_migrate();
  read_enforcement(message.enforcement(), path.of("enforcement"), rule.enforcement);
  rule.set = from_message(message.set(), path.of("set"));
  return rule;
}

void write_rule(const policy::Rule& rule, v1::Rule& message) {
  message.mutable_match()->set_service(rule.match.service);
  message.mutable_match()->set_class_(rule.match.task_class);
  if (rule.match.uid) message.mutable_match()->set_uid(*rule.match.uid);
  if (rule.priority) message.set_priority(enum_message<v1::Priority>(*rule.priority));
  if (rule.weight) message.set_weight(*rule.weight);
  if (rule.may_migrate) message.set_may_migrate(*rule.may_migrate);
  if (rule.enforcement) message.set_enforcement(enum_message<v1::Enforcement>(*rule.enforcement));
  if (rule.set != policy::TierOverrides{}) to_message(rule.set, *message.mutable_set());
}

policy::Policy read_all(const v1::Policy& message, const FieldPath& path) {
  policy::Policy policy;
  read_enforcement(message.enforcement(), path.of("enforcement"), policy.enforcement);
  read_enforcement(message.enforcement_limit(), path.of("enforcement_limit"),
                   policy.enforcement_limit);
  read_enum<policy::Profile>(message.profile(), policy::kProfileCount, "Profile",
                             path.of("profile"), policy.profile);
  policy.defaults = from_message(message.defaults(), path.of("defaults"));
  if (static_cast<std::size_t>(message.rules_size()) > config::kMostRules) {
    path.of("rules").fault("has more than " + std::to_string(config::kMostRules) + " rules");
    return policy;
  }
  for (int i = 0; i < message.rules_size(); ++i) {
    policy.rules.push_back(
        read_rule(message.rules(i), path.of("rules").at(static_cast<std::size_t>(i))));
  }
  return policy;
}

bool sets_nothing(const policy::Rule& rule) {
  policy::Rule empty;
  empty.match = rule.match;
  return rule == empty;
}

// What only a policy without other faults is asked.
void find_contradictions(const policy::Policy& policy, const FieldPath& path) {
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    if (!sets_nothing(policy.rules[i])) continue;
    path.of("rules").at(i).fault("sets nothing; give it a priority or a field");
  }
  if (const auto fault = policy::contradiction(policy)) path.fault(*fault);
}

}  // namespace

v1::Policy to_message(const policy::Policy& policy) {
  v1::Policy message;
  message.set_enforcement(enum_message<v1::Enforcement>(policy.enforcement));
  message.set_enforcement_limit(enum_message<v1::Enforcement>(policy.enforcement_limit));
  message.set_profile(enum_message<v1::Profile>(policy.profile));
  if (policy.defaults != policy::TierOverrides{}) {
    to_message(policy.defaults, *message.mutable_defaults());
  }
  for (const policy::Rule& rule : policy.rules) write_rule(rule, *message.add_rules());
  return message;
}

PolicyReading from_message(const v1::Policy& message) {
  PolicyReading reading;
  const FieldPath root("", reading.faults);
  find_unknown_fields(message, root);
  policy::Policy policy = read_all(message, root);
  if (reading.faults.empty()) find_contradictions(policy, root);
  if (reading.faults.empty()) reading.policy = std::move(policy);
  return reading;
}

}  // namespace pulsed::rpc
