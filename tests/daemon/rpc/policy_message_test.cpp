#include "daemon/rpc/policy_message.h"

#include <doctest/doctest.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <string>
#include <type_traits>

#include "daemon/config/policy_yaml.h"
#include "daemon/policy/field_table.h"
#include "tests/daemon/rpc/random_policy.h"

namespace pulsed::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;

std::vector<std::string> fields_of(const Descriptor& message) {
  std::vector<std::string> names;
  for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
  std::sort(names.begin(), names.end());
  return names;
}

std::string faults(const v1::Policy& message) { return text(from_message(message).faults); }

TEST_CASE("the API has exactly the fields of the TierManager") {
  std::vector<std::string> names;
  policy::for_each_tier_field([&](const auto& field) { names.emplace_back(field.name); });
  std::sort(names.begin(), names.end());
  CHECK(names == fields_of(*v1::TierFields::descriptor()));
}

TEST_CASE("the API has exactly the fields of a rule") {
  std::vector<std::string> names{"match", "set"};
  policy::for_each_rule_field([&](const auto& field) { names.emplace_back(field.name); });
  std::sort(names.begin(), names.end());
  CHECK(names == fields_of(*v1::Rule::descriptor()));
}

template <std::size_t N>
void check_names(const EnumDescriptor& descriptor, const std::array<std::string_view, N>& names) {
  REQUIRE(descriptor.value_count() == static_cast<int>(N) + 1);
  for (std::size_t i = 0; i < N; ++i) {
    std::string name = descriptor.name() + "_" + std::string(names[i]);
    std::transform(name.begin(), name.end(), name.begin(), ::toupper);
    CHECK(descriptor.FindValueByNumber(static_cast<int>(i) + 1)->name() == name);
  }
}

TEST_CASE("names of the API mean what they mean in policy.yaml") {
  check_names(*v1::Tier_descriptor(), policy::kTierNames);
  check_names(*v1::Priority_descriptor(), policy::kPriorityNames);
  check_names(*v1::Enforcement_descriptor(), policy::kEnforcementNames);
  check_names(*v1::Profile_descriptor(), policy::kProfileNames);
}

TEST_CASE("an empty message is the built-in policy") {
  const PolicyReading reading = from_message({});
  REQUIRE(reading.policy);
  CHECK(*reading.policy == policy::Policy{});
}

TEST_CASE("whatever holds comes back as it was, also through policy.yaml") {
  test::RandomPolicies random(1);
  int held = 0;
  for (int i = 0; i < 3000; ++i) {
    const policy::Policy policy = random.next();
    CAPTURE(config::to_yaml(policy));
    v1::Policy wire;
    REQUIRE(wire.ParseFromString(to_message(policy).SerializeAsString()));
    const PolicyReading reading = from_message(wire);
    CHECK(reading.policy.has_value() == !policy::contradiction(policy).has_value());
    CHECK(reading.policy.has_value() == reading.faults.empty());
    if (!reading.policy) continue;
    ++held;
    CHECK(*reading.policy == policy);
    const auto read = config::read_policy(config::to_yaml(*reading.policy), "p");
    REQUIRE(read.value);
    CHECK(*read.value == policy);
  }
  CHECK(held > 300);
}

// A policy that sets one field alone, all its tiers to `value`, and widens what it could contradict.
template <typename T, typename Limits, typename V>
policy::Policy with(const policy::TierField<T, Limits>& field, const V& value) {
  using namespace std::chrono_literals;
  policy::Policy policy;
  policy.defaults.poll_budget = 1ns;
  policy.defaults.slow_poll = 24h;
  policy.defaults.emergency_poll = 24h;
  T all{};
  if constexpr (std::is_same_v<T, V>) {
    all = value;
  } else {
    all.fill(value);
  }
  policy.defaults.*field.set = all;
  return policy;
}

template <typename T, typename Limits, typename V>
void check_range(const policy::TierField<T, Limits>& field, V least, V most, V step) {
  const auto fault = [&](V value) { return faults(to_message(with(field, value))); };
  const std::string name = "defaults." + std::string(field.name);
  CHECK(fault(most + step).find(name) == 0);
  if (least > V{}) CHECK(fault(least - step).find(name) == 0);
  // Other fields may forbid an end of a range, but then the fault is theirs.
  CHECK(fault(least).find(name) == std::string::npos);
  CHECK(fault(most).find(name) == std::string::npos);
}

TEST_CASE("every field is refused by its own name beyond either end of its range") {
  policy::for_each_tier_field([](const auto& field) {
    CAPTURE(field.name);
    using Limits = std::remove_cvref_t<decltype(field.limits)>;
    if constexpr (std::is_same_v<Limits, policy::DurationRange>) {
      check_range(field, field.limits.least, field.limits.most, policy::Duration{1});
    } else if constexpr (std::is_same_v<Limits, policy::CountRange>) {
      check_range(field, field.limits.least, field.limits.most, 1U);
    } else if constexpr (std::is_same_v<Limits, policy::SpareCount>) {
      check_range(field, field.limits.count.least, field.limits.count.most, 1U);
    } else if constexpr (std::is_same_v<Limits, policy::Share>) {
      for (const double wrong : {0.0, -1.0, 1.0001, 1.0 / 0.0, 0.0 / 0.0}) {
        CHECK(faults(to_message(with(field, wrong))).find(field.name) != std::string::npos);
      }
    }
  });
}

TEST_CASE("a tier's value that is missing is named") {
  v1::Policy message;
  message.mutable_defaults()->mutable_promotion_threshold()->set_warn(3);
  CHECK(faults(message) == "defaults.promotion_threshold: has no value for monitor, yield");
  message.mutable_defaults()->mutable_promotion_threshold()->set_monitor(0);
  CHECK(faults(message) ==
        "defaults.promotion_threshold.monitor: 0 is outside 1 to 16383\n"
        "defaults.promotion_threshold: has no value for yield");
}

TEST_CASE("a choice that is not made, or made with false, is refused") {
  v1::Policy message;
  v1::TierFields& defaults = *message.mutable_defaults();
  defaults.mutable_demote_to();
  defaults.mutable_max_spare_workers();
  CHECK(faults(message) ==
        "defaults.max_spare_workers: needs one of `workers` and `as_many_as_workers`\n"
        "defaults.demote_to: needs one of `nice`, `idle` and `unchanged`");
  defaults.mutable_demote_to()->set_idle(false);
  defaults.mutable_max_spare_workers()->set_as_many_as_workers(false);
  CHECK(from_message(message).faults.size() == 2);
  defaults.mutable_demote_to()->set_unchanged(false);
  CHECK(from_message(message).faults.size() == 2);
  // What stands for "as many as there are workers" within is no count.
  defaults.mutable_max_spare_workers()->set_workers(policy::kAsManyAsWorkers);
  CHECK(faults(message).find("max_spare_workers.workers: 4294967295") != std::string::npos);
}

TEST_CASE("what is no length of time is refused") {
  const auto fault = [](std::int64_t seconds, std::int32_t nanos) {
    v1::Policy message;
    auto& window = *message.mutable_defaults()->mutable_window();
    window.set_seconds(seconds);
    window.set_nanos(nanos);
    return faults(message);
  };
  CHECK(fault(1, 0).empty());
  for (const auto& [seconds, nanos] : {std::pair{INT64_C(1), -1},
                                       {INT64_C(-1), 1},
                                       {INT64_C(0), 1'000'000'000},
                                       {INT64_C(0), INT32_MIN},
                                       {INT64_C(-1), 0},
                                       {INT64_MAX, 999'999'999},
                                       {INT64_MIN, -999'999'999},
                                       {INT64_C(9'223'372'037), 0},
                                       {INT64_C(86'400), 1}}) {
    CAPTURE(seconds);
    CAPTURE(nanos);
    CHECK(fault(seconds, nanos).find("defaults.window: ") == 0);
  }
}

TEST_CASE("globs and uids have the bounds of policy.yaml") {
  const auto fault = [](auto set) {
    v1::Policy message;
    v1::Rule& rule = *message.add_rules();
    rule.set_weight(1);
    set(*rule.mutable_match());
    return faults(message);
  };
  CHECK(fault([](v1::Match& m) { m.set_service(std::string(64, 'x')); }).empty());
  CHECK(fault([](v1::Match& m) {
          m.set_service(std::string(65, 'x'));
        }).starts_with("rules[0].match.service: "));
  CHECK(fault([](v1::Match& m) {
          m.set_class_(std::string("a\0b", 3));
        }).starts_with("rules[0].match.class: "));
  CHECK(fault([](v1::Match& m) { m.set_class_("\n"); }).starts_with("rules[0].match.class: "));
  CHECK(fault([](v1::Match& m) { m.set_uid(4'294'967'294); }).empty());
  CHECK(fault([](v1::Match& m) { m.set_uid(4'294'967'295); }).starts_with("rules[0].match.uid: "));
}

TEST_CASE("256 rules are read, 257 are refused") {
  v1::Policy message;
  for (int i = 0; i < 256; ++i) {
    v1::Rule& rule = *message.add_rules();
    rule.mutable_match()->set_service(std::to_string(i));
    rule.set_weight(1);
  }
  CHECK(faults(message).empty());
  message.add_rules();
  CHECK(faults(message) == "rules: has more than 256 rules");
}

TEST_CASE("names of a newer API are refused, at any depth") {
  v1::Policy message;
  message.set_enforcement(static_cast<v1::Enforcement>(4));
  message.set_enforcement_limit(static_cast<v1::Enforcement>(-1));
  message.set_profile(static_cast<v1::Profile>(4));
  message.mutable_defaults()->set_max_tier(static_cast<v1::Tier>(5));
  message.add_rules()->set_priority(static_cast<v1::Priority>(5));
  CHECK(from_message(message).faults.size() == 5);

  v1::Policy unknown;
  unknown.add_rules()->mutable_set()->mutable_demote_to()->GetReflection();
  auto& deep = *unknown.mutable_rules(0)->mutable_set()->mutable_demote_to();
  deep.set_idle(true);
  deep.GetReflection()->MutableUnknownFields(&deep)->AddVarint(77, 1);
  CHECK(faults(unknown).starts_with("rules[0].set.demote_to: has a field of number 77"));
}

TEST_CASE("bytes of chance are refused, or are a policy that holds") {
  const google::protobuf::LogSilencer quiet;
  test::RandomPolicies random(2);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = to_message(random.next()).SerializeAsString();
    random.damage(bytes);
    v1::Policy message;
    if (!message.ParseFromString(bytes)) continue;
    const PolicyReading reading = from_message(message);
    CHECK(reading.policy.has_value() == reading.faults.empty());
    if (reading.policy) CHECK_FALSE(policy::contradiction(*reading.policy).has_value());
  }
}

TEST_CASE("what says an error stays within what clients take") {
  v1::Policy message;
  for (int i = 0; i < 256; ++i) {
    message.add_rules()->mutable_match()->set_service(std::string(65, 'x'));
  }
  const std::string said = faults(message);
  CHECK(said.size() < 8000);
  CHECK(said.ends_with("and 236 more"));
}

}  // namespace
}  // namespace pulsed::rpc
