#include "daemon/rpc/policy_message.h"

#include <string>
#include <string_view>
#include <utility>

#include "daemon/policy/field_table.h"
#include "daemon/policy/plain_text.h"
#include "daemon/rpc/tier_fields_message.h"
#include "daemon/rpc/unknown_fields.h"

namespace pulsed::rpc {
namespace {

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
  if (glob.size() > policy::kLongestGlob) {
    path.fault("is longer than " + std::to_string(policy::kLongestGlob) + " bytes");
  } else if (!policy::is_one_plain_line(glob)) {
    path.fault("has a control character or a byte order mark");
  }
  return glob;
}

std::uint32_t within(std::uint32_t value, const policy::CountRange& range, const FieldPath& path) {
  if (!range.holds(value)) {
    path.fault(std::to_string(value) + " is outside " + std::to_string(range.least) + " to " +
               std::to_string(range.most));
  }
  return value;
}

policy::Match read_match(const v1::Match& message, const FieldPath& path) {
  policy::Match match;
  match.service = read_glob(message.service(), path.of("service"));
  match.task_class = read_glob(message.class_(), path.of("class"));
  if (message.has_uid()) match.uid = within(message.uid(), policy::kUids, path.of("uid"));
  return match;
}

policy::Rule read_rule(const v1::Rule& message, const FieldPath& path) {
  policy::Rule rule;
  rule.match = read_match(message.match(), path.of("match"));
  read_enum<policy::Priority>(message.priority(), policy::kPriorityCount, "Priority",
                              path.of("priority"), rule.priority);
  if (message.has_weight()) {
    rule.weight = within(message.weight(), policy::kWeights, path.of("weight"));
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
  if (static_cast<std::size_t>(message.rules_size()) > policy::kMostRules) {
    path.of("rules").fault("has more than " + std::to_string(policy::kMostRules) + " rules");
    return policy;
  }
  for (int i = 0; i < message.rules_size(); ++i) {
    policy.rules.push_back(
        read_rule(message.rules(i), path.of("rules").at(static_cast<std::size_t>(i))));
  }
  return policy;
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
  if (reading.faults.empty()) {
    if (const auto fault = policy::contradiction(policy)) root.fault(*fault);
  }
  if (reading.faults.empty()) reading.policy = std::move(policy);
  return reading;
}

}  // namespace pulsed::rpc
