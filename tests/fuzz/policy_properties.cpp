#include "tests/fuzz/policy_properties.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/explanation.h"
#include "daemon/config/policy_yaml.h"
#include "daemon/policy/explain.h"
#include "daemon/policy/glob.h"
#include "daemon/policy/tier_manager.h"

namespace pulsed::fuzz {
namespace {

using namespace policy;
using namespace std::chrono_literals;

void hold(bool property, const char* what) {
  if (!property) throw BrokenProperty(what);
}

void check_refusal(const std::vector<config::ConfigError>& errors) {
  hold(!errors.empty() && errors.size() <= config::Diagnostics::kMost + 1,
       "a refusal says a few things");
  for (const config::ConfigError& error : errors) {
    const std::string text = config::text(error);
    hold(!error.message.empty(), "every error has words");
    hold(std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }),
         "an error is one line");
  }
}

Policy read_back(const std::string& yaml) {
  const auto again = config::read_policy(yaml, "printed");
  hold(again.value.has_value(), "what is printed is accepted");
  return *again.value;
}

void check_printing(const Policy& policy) {
  const std::string yaml = config::to_yaml(policy);
  const Policy again = read_back(yaml);
  hold(again == policy, "what is printed reads as the same policy");
  hold(config::to_yaml(again) == yaml, "the same policy prints the same");
  const Policy full = config::spelled_out(policy);
  hold(read_back(config::to_yaml(full)) == full, "a spelled-out policy prints and reads as itself");
}

// A name that a glob matches.
std::string matched_name(const std::string& glob, std::string_view for_star) {
  std::string name;
  for (const char c : glob) {
    if (c == '*') {
      name += for_star;
    } else {
      name += c == '?' ? 'q' : c;
    }
  }
  return name;
}

struct Name {
  std::string service;
  std::string task_class;
  std::optional<std::uint32_t> uid;
};

// Whom a rule holds for; where `beside` leaves it open, someone `beside` could hold for too.
Name held_by(const Match& match, const Match& beside, std::string_view for_star) {
  const auto either = [&](const std::string& glob, const std::string& other) {
    const bool open = glob.find_first_not_of('*') == glob.npos;
    const std::string name = matched_name(open ? other : glob, for_star);
    hold(glob.empty() || glob_match(glob, name), "a glob matches what it spells");
    return name;
  };
  const std::optional<std::uint32_t> uid = match.uid ? match.uid : beside.uid;
  return {either(match.service, beside.service), either(match.task_class, beside.task_class),
          uid ? uid : std::optional<std::uint32_t>(0)};
}

// For each of the first rules someone it holds for, where it can be one that the next rule holds for too; and
// someone whom hardly any names.
std::vector<Name> some_names(const Policy& policy) {
  constexpr std::size_t kMost = 12;
  std::vector<Name> names{{"nobody", "nothing", {}}};
  const std::vector<Rule>& rules = policy.rules;
  for (std::size_t i = 0; i < std::min(rules.size(), kMost); ++i) {
    const Rule& next = rules[(i + 1) % rules.size()];
    names.push_back(held_by(rules[i].match, next.match, i % 2 == 0 ? "" : "ab"));
  }
  return names;
}

bool holds(const Match& match, const Subject& subject) {
  return (!match.uid || match.uid == subject.uid) &&
         (match.service.empty() || glob_match(match.service, subject.service)) &&
         (match.task_class.empty() || glob_match(match.task_class, subject.task_class));
}

// What holds for a class, found the other way round: an earlier place overwrites what a later one set.
ClassPolicy resolved_backwards(const Policy& policy, const Subject& subject, Priority registered) {
  TierFields fields = overridden(profile_fields(policy.profile), policy.defaults);
  ClassPolicy result{registered, fields, policy.enforcement};
  for (auto rule = policy.rules.rbegin(); rule != policy.rules.rend(); ++rule) {
    if (!holds(rule->match, subject)) continue;
    fields = overridden(fields, rule->set);
    for_each_rule_field([&](const auto& field) {
      if (const auto& value = (*rule).*field.set) result.*field.value = *value;
    });
  }
  result.enforcement = std::min(result.enforcement, policy.enforcement_limit);
  if (result.enforcement == Enforcement::kObserve) fields.max_tier = Tier::kMonitor;
  result.fields = scaled(fields, result.priority);
  return result;
}

// Where the value came from, before anything held it down.
template <typename Field, typename Value>
void check_origin(const Policy& policy, const Subject& subject, const Field& field,
                  const Value& value, Origin origin) {
  switch (origin.place) {
    case Place::kRule: {
      hold(origin.rule < policy.rules.size(), "an origin is a rule there is");
      const Rule& rule = policy.rules[origin.rule];
      hold(holds(rule.match, subject), "a field comes from a rule that matches");
      hold(rule.set.*field.set == value, "a field has the value of its rule");
      return;
    }
    case Place::kDefaults:
      hold(policy.defaults.*field.set == value, "a field has the value of the defaults");
      return;
    case Place::kProfile:
      hold(profile_fields(policy.profile).*field.value == value,
           "a field has the value of the profile");
      return;
    default:
      hold(false, "a field of the TierManager comes from the profile at least");
  }
}

void check_explanation(const Policy& policy, const Subject& subject, Priority registered) {
  const Explanation why = explain(policy, subject, registered);
  std::size_t at = 0;
  for_each_tier_field([&](const auto& field) {
    const Origin origin = why.origins[at++];
    if constexpr (std::is_same_v<decltype(field.value), Tier TierFields::*>) {
      if (const auto& held = why.max_tier_held_down) {
        hold(why.unscaled.max_tier == Tier::kMonitor && held->from > Tier::kMonitor &&
                 why.holds.enforcement == Enforcement::kObserve,
             "observe holds max_tier down to monitor, and nothing else does");
        check_origin(policy, subject, field, held->from, held->origin);
        return;
      }
    }
    check_origin(policy, subject, field, why.unscaled.*field.value, origin);
  });
  for_each_rule_field([&](const auto& field) {
    const Origin origin = why.origins[at++];
    if (origin.place != Place::kRule) return;
    hold(origin.rule < policy.rules.size() &&
             policy.rules[origin.rule].*field.set == why.holds.*field.value,
         "what a rule sets beside the fields has the rule's value");
  });
  const auto explained = config::explained(policy, subject, registered);
  hold(explained.size() == kFieldCount, "every field is explained");
  for (const auto& field : explained) {
    hold(!field.value.empty() && !field.origin.empty(), "every field has a value from somewhere");
  }
}

void check_agreement(const Policy& policy, const Subject& subject, Priority registered) {
  const ClassPolicy one = resolve(policy, subject, registered);
  const ClassPolicy other = resolved_backwards(policy, subject, registered);
  hold(one.fields == other.fields, "forwards and backwards the same fields hold");
  for_each_rule_field([&](const auto& field) {
    hold(one.*field.value == other.*field.value, "forwards and backwards a rule sets the same");
  });
  hold(one.enforcement <= policy.enforcement_limit, "no class is treated beyond the limit");
}

void check_bounds(const ClassPolicy& holds) {
  const TierFields& f = holds.fields;
  hold(f.poll_budget >= 1ns && f.poll_budget <= 96h, "a budget stays a budget");
  hold(f.emergency_poll > f.poll_budget, "an emergency is above the budget");
  hold(f.slow_poll >= f.poll_budget, "a slow poll is not below the budget");
  for (const Duration good : f.good_poll)
    hold(good >= 1ns && good <= f.poll_budget, "a good poll is within the budget");
  for (const std::uint32_t n : f.promotion_threshold)
    hold(n >= 1 && n <= 65'535, "a threshold can be counted");
  hold(kWeights.holds(holds.weight), "a weight is within its range");
  hold(f.demote_to.kind != OsPriority::Kind::kNice || kLoweredTo.nice.holds(f.demote_to.nice),
       "a nice value is one");
  hold(f.class_share > 0 && f.class_share <= 1, "a share is a share");
}

// A few polls around the edges of what holds, from good to endless.
void check_tiers(const ClassPolicy& holds) {
  constexpr ClassId kClass{1};
  TierManager tiers({4, 2});
  Time now = 1h;
  tiers.set_class_policy(kClass, holds, now);
  const TierFields& f = holds.fields;
  const std::array<Duration, 6> polls{
      1ns, f.good_poll[0], f.poll_budget, f.poll_budget + 1ns, f.slow_poll, f.emergency_poll};
  for (std::uint32_t i = 0; i < 3 * polls.size(); ++i) {
    const Duration cpu = polls[i % polls.size()];
    const TaskId task{i % 2, 1};
    now += cpu + f.promotion_hysteresis;
    const InFlightVerdict verdict = tiers.poll_in_flight(
        {.task = task, .cls = kClass, .cpu = cpu, .counted = false, .counted_cpu = {}}, now);
    hold(verdict.violation == (cpu > f.poll_budget),
         "a poll over its budget is a violation, and no other");
    static_cast<void>(tiers.poll_ended({.task = task,
                                        .cls = kClass,
                                        .cpu = cpu,
                                        .wall = cpu,
                                        .cpu_known = true,
                                        .counted = verdict.violation,
                                        .counted_cpu = verdict.violation ? cpu : 0ns},
                                       now));
    tiers.tick(now);
    hold(tiers.tier(task) <= f.max_tier && tiers.class_tier(kClass) <= f.max_tier,
         "nobody rises beyond max_tier");
  }
  hold(tiers.violations(kClass) ==
           3 * static_cast<std::uint64_t>(std::count_if(
                   polls.begin(), polls.end(), [&](Duration d) { return d > f.poll_budget; })),
       "violations are counted once");
}

}  // namespace

bool check_policy_text(std::string_view text) {
  const auto outcome = config::read_policy(text, "policy.yaml");
  hold(outcome.value.has_value() == outcome.errors.empty(), "a policy, or errors");
  if (!outcome.value) {
    check_refusal(outcome.errors);
    return false;
  }
  const Policy& policy = *outcome.value;
  hold(!contradiction(policy), "what is accepted does not contradict itself");
  check_printing(policy);
  std::size_t p = 0;
  for (const Name& name : some_names(policy)) {
    const Subject subject{name.service, name.task_class, name.uid};
    const auto registered = static_cast<Priority>(p++ % kPriorityCount);
    check_explanation(policy, subject, registered);
    check_agreement(policy, subject, registered);
    const ClassPolicy holds = resolve(policy, subject, registered);
    check_bounds(holds);
    check_tiers(holds);
  }
  return true;
}

}  // namespace pulsed::fuzz
