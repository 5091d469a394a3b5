#include "daemon/config/policy_yaml.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "daemon/config/strict_yaml.h"
#include "daemon/policy/field_table.h"

namespace pulsed::config {
namespace {

using policy::kTierNames;

// Where "defaults", "rules[2]" and "rules[2].window" stand.
using Places = std::map<std::string, Position>;

std::optional<Duration> read_one(const Field& field, const policy::DurationRange& range) {
  return read(field, range);
}

std::optional<std::uint32_t> read_one(const Field& field, const policy::CountRange& range) {
  return read(field, range);
}

std::optional<double> read_one(const Field& field, policy::Share /*limits*/) {
  return read_share(field);
}

template <typename Name>
std::optional<Name> read_name(const Field& field, std::span<const std::string_view> names) {
  const auto found = read_choice(field, names);
  if (!found) return {};
  return static_cast<Name>(*found);
}

std::optional<policy::Tier> read_one(const Field& field, policy::TierName /*limits*/) {
  return read_name<policy::Tier>(field, kTierNames);
}

std::optional<policy::Priority> read_one(const Field& field, policy::PriorityName /*limits*/) {
  return read_name<policy::Priority>(field, policy::kPriorityNames);
}

std::optional<policy::Enforcement> read_one(const Field& field,
                                            policy::EnforcementName /*limits*/) {
  return read_name<policy::Enforcement>(field, policy::kEnforcementNames);
}

std::optional<bool> read_one(const Field& field, policy::YesOrNo /*limits*/) {
  return read_yes_or_no(field);
}

std::optional<std::uint32_t> read_one(const Field& field, const policy::SpareCount& limits) {
  constexpr std::array kWords{policy::kAsManyAsWorkersWord};
  const auto found = read_count_or_word(field, limits.count, "a number", kWords);
  if (!found) return {};
  return found->word ? policy::kAsManyAsWorkers : found->count;
}

std::optional<policy::OsPriority> read_one(const Field& field, const policy::LoweredTo& limits) {
  using Kind = policy::OsPriority::Kind;
  constexpr std::array kWords{policy::kUnchangedWord, policy::kIdleWord};
  constexpr std::array kKinds{Kind::kUnchanged, Kind::kIdle};
  const auto found = read_count_or_word(field, limits.nice, "a nice value", kWords);
  if (!found) return {};
  if (found->word) return policy::OsPriority{.kind = kKinds[*found->word]};
  return policy::OsPriority{Kind::kNice, static_cast<std::uint8_t>(found->count)};
}

std::string tier_names(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += (i > 0 ? ", " : "") + std::string(kTierNames[i]);
  return out;
}

// Reads all values, wrong ones too, so that each is reported.
template <typename T, std::size_t N, typename Limits>
std::optional<std::array<T, N>> read_tier_list(const Field& field, const Limits& limits) {
  if (field.node.items.size() != N) {
    field.fault("needs " + std::to_string(N) + " values, in the order " + tier_names(N) +
                "; found " + std::to_string(field.node.items.size()));
    return {};
  }
  std::array<T, N> values{};
  bool good = true;
  for (std::size_t i = 0; i < N; ++i) {
    const std::string name = std::string(field.name) + "." + std::string(kTierNames[i]);
    const auto value = read_one(Field{field.node.items[i], name, field.diagnostics}, limits);
    if (value) values[i] = *value;
    good = good && value;
  }
  if (!good) return {};
  return values;
}

template <typename T, std::size_t N, typename Limits>
std::optional<std::array<T, N>> read_tier_map(const Field& field, const Limits& limits) {
  MapReader map(field.node, "`" + std::string(field.name) + "`", field.diagnostics);
  std::array<T, N> values{};
  bool good = true;
  std::string missing;
  for (std::size_t i = 0; i < N; ++i) {
    const YamlNode* node = map.take(kTierNames[i]);
    const std::string name = std::string(field.name) + "." + std::string(kTierNames[i]);
    if (node == nullptr) missing += (missing.empty() ? "" : ", ") + std::string(kTierNames[i]);
    const auto value =
        node != nullptr ? read_one(Field{*node, name, field.diagnostics}, limits) : std::nullopt;
    if (value) values[i] = *value;
    good = good && value;
  }
  map.finish();
  if (!missing.empty()) field.fault("has no value for " + missing);
  if (!good) return {};
  return values;
}

template <typename T, typename Limits>
void read_field(const Field& field, const Limits& limits, std::optional<T>& out) {
  out = read_one(field, limits);
}

template <typename T, std::size_t N, typename Limits>
void read_field(const Field& field, const Limits& limits, std::optional<std::array<T, N>>& out) {
  if (field.node.kind == YamlNode::Kind::kList) {
    out = read_tier_list<T, N>(field, limits);
  } else if (field.node.kind == YamlNode::Kind::kMap) {
    out = read_tier_map<T, N>(field, limits);
  } else if (field.node.kind != YamlNode::Kind::kRefused) {
    field.fault("has a value per tier; write a map or a list of " + tier_names(N));
  }
}

policy::TierOverrides read_overrides(MapReader& map, const std::string& scope, Places& places,
                                     Diagnostics& diagnostics) {
  policy::TierOverrides set;
  policy::for_each_tier_field([&](const auto& field) {
    const YamlNode* node = map.take(field.name);
    if (node == nullptr) return;
    places[scope + "." + std::string(field.name)] = node->at;
    read_field(Field{*node, field.name, diagnostics}, field.limits, set.*field.set);
  });
  return set;
}

policy::Match read_match(const YamlNode& node, Diagnostics& diagnostics) {
  policy::Match match;
  MapReader map(node, "`match`", diagnostics);
  if (const YamlNode* n = map.take("service")) {
    match.service = read_text(Field{*n, "service", diagnostics}, kLongestGlob).value_or("");
  }
  if (const YamlNode* n = map.take("class")) {
    match.task_class = read_text(Field{*n, "class", diagnostics}, kLongestGlob).value_or("");
  }
  if (const YamlNode* n = map.take("uid"))
    match.uid = read(Field{*n, "uid", diagnostics}, policy::kUids);
  map.finish();
  return match;
}

policy::Rule read_rule(const YamlNode& node, const std::string& scope, Places& places,
                       Diagnostics& diagnostics) {
  policy::Rule rule;
  MapReader map(node, "a rule", diagnostics);
  places[scope] = node.at;
  const YamlNode* match = map.take("match");
  if (match != nullptr) rule.match = read_match(*match, diagnostics);
  policy::for_each_rule_field([&](const auto& field) {
    const YamlNode* value = map.take(field.name);
    if (value == nullptr) return;
    rule.*field.set = read_one(Field{*value, field.name, diagnostics}, field.limits);
  });
  rule.set = read_overrides(map, scope, places, diagnostics);
  map.finish();
  if (node.kind != YamlNode::Kind::kMap) return rule;
  if (match == nullptr) {
    diagnostics.add(node.at, "a rule needs `match`; `match: {}` is every class of every service");
  }
  if (node.entries.size() <= 1 && match != nullptr) {
    diagnostics.add(node.at, "a rule that sets nothing; give it a field, or remove it");
  }
  return rule;
}

std::vector<policy::Rule> read_rules(const YamlNode& node, Places& places,
                                     Diagnostics& diagnostics) {
  std::vector<policy::Rule> rules;
  const Field field{node, "rules", diagnostics};
  const std::vector<YamlNode>* items = read_list(field);
  if (items == nullptr) return rules;
  if (items->size() > kMostRules) {
    field.fault("has more than " + std::to_string(kMostRules) + " rules");
    return rules;
  }
  for (const YamlNode& item : *items) {
    const std::string scope = "rules[" + std::to_string(rules.size()) + "]";
    rules.push_back(read_rule(item, scope, places, diagnostics));
  }
  return rules;
}

policy::Policy read_root(const YamlNode& root, Places& places, Diagnostics& diagnostics) {
  policy::Policy policy;
  MapReader map(root, "the policy", diagnostics);
  const auto read_top = [&](std::string_view key, auto names, auto& out) {
    using Name = std::remove_cvref_t<decltype(out)>;
    const YamlNode* node = map.take(key);
    if (node == nullptr) return;
    places[std::string(key)] = node->at;
    out = read_name<Name>(Field{*node, key, diagnostics}, names).value_or(out);
  };
  read_top("enforcement", policy::kEnforcementNames, policy.enforcement);
  read_top("enforcement_limit", policy::kEnforcementNames, policy.enforcement_limit);
  read_top("profile", policy::kProfileNames, policy.profile);
  if (const YamlNode* n = map.take("defaults")) {
    places["defaults"] = n->at;
    MapReader defaults(*n, "`defaults`", diagnostics);
    policy.defaults = read_overrides(defaults, "defaults", places, diagnostics);
    defaults.finish();
  }
  if (const YamlNode* n = map.take("rules")) policy.rules = read_rules(*n, places, diagnostics);
  map.finish();
  return policy;
}

// The field's name as a word of its own: `cooldown` does not stand in `cooldown_window`.
std::size_t find_word(const std::string& text, std::string_view word) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !letter(text[at - 1]);
    if (begins && (end == text.size() || !letter(text[end]))) return at;
  }
  return std::string::npos;
}

// The scopes that a fault's prefix names ("rules[1] with rules[4]: ..."), the last first, then the
// defaults.
std::vector<std::string> scopes_of(const std::string& fault) {
  std::vector<std::string> scopes{"defaults"};
  const std::size_t prefix_end = fault.find(':');
  for (std::size_t at = fault.find("rules["); at < prefix_end; at = fault.find("rules[", at + 1)) {
    scopes.insert(scopes.begin(), fault.substr(at, fault.find(']', at) + 1 - at));
  }
  return scopes;
}

// Where a fault can be mended: the first field it names that the file sets, else the rule or the
// defaults themselves.
Position place_of(const std::string& fault, const Places& places) {
  std::vector<std::pair<std::size_t, std::string_view>> named;
  policy::for_each_tier_field([&](const auto& field) {
    const std::size_t at = find_word(fault, field.name);
    if (at != std::string::npos) named.emplace_back(at, field.name);
  });
  std::sort(named.begin(), named.end());
  std::vector<std::string> scopes = scopes_of(fault);
  for (const std::string& scope : scopes) {
    for (const auto& [at, name] : named) {
      const auto place = places.find(scope + "." + std::string(name));
      if (place != places.end()) return place->second;
    }
  }
  scopes.emplace_back("profile");
  for (const std::string& scope : scopes) {
    const auto place = places.find(scope);
    if (place != places.end()) return place->second;
  }
  return {1, 1};
}

}  // namespace

Outcome<policy::Policy> read_policy(std::string_view text, std::string_view source) {
  Diagnostics diagnostics(source);
  const auto root = parse_yaml(text, diagnostics);
  policy::Policy policy;
  Places places;
  if (root) policy = read_root(*root, places, diagnostics);
  if (diagnostics.clean()) {
    const auto fault = policy::contradiction(policy);
    if (fault) diagnostics.add(place_of(*fault, places), *fault);
  }
  if (!diagnostics.clean()) return {{}, diagnostics.take(), {}};
  return {std::move(policy), {}, {}};
}

}  // namespace pulsed::config
