#include "tests/fuzz/policy_mutator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "daemon/config/units.h"
#include "daemon/config/value_text.h"
#include "daemon/config/yaml_node.h"
#include "daemon/policy/field_table.h"

namespace pulsed::fuzz {
namespace {

using config::YamlEntry;
using config::YamlNode;
using Kind = YamlNode::Kind;

constexpr std::array<std::string_view, 40> kEdges{"0",
                                                  "1",
                                                  "-1",
                                                  "007",
                                                  "255",
                                                  "256",
                                                  "16383",
                                                  "16384",
                                                  "65535",
                                                  "65536",
                                                  "4294967294",
                                                  "4294967295",
                                                  "4294967296",
                                                  "18446744073709551615",
                                                  "99999999999999999999",
                                                  "0s",
                                                  "1ns",
                                                  "0.1ns",
                                                  "1.5ms",
                                                  "24h",
                                                  "86400.000000001s",
                                                  "9223372036s",
                                                  "18446744074s",
                                                  "1e3ms",
                                                  "5 ms",
                                                  "0.0",
                                                  "1.0",
                                                  "1e-300",
                                                  "1.0000001",
                                                  "nan",
                                                  "inf",
                                                  "true",
                                                  "false",
                                                  "null",
                                                  "~",
                                                  "workers",
                                                  "idle",
                                                  "none",
                                                  "shadow",
                                                  "isolate"};
constexpr std::array<std::string_view, 12> kGlobPieces{
    "*", "?", "a", "b", "**", "*?", "/", "\"", "\\", "\xC3\xA9", "checkout", " "};

class Mutator {
 public:
  explicit Mutator(Random& random) : random_(random) {}

  void edit(YamlNode& root) {
    switch (below(8)) {
      case 0:
        return edit_top(root);
      case 1:
      case 2:
        return edit_fields(child(root, "defaults", Kind::kMap), false);
      case 3:
      case 4:
        return edit_rule_list(child(root, "rules", Kind::kList));
      default:
        return edit_a_rule(child(root, "rules", Kind::kList));
    }
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }

  template <typename List>
  auto& any_of(List& list) {
    return list[below(list.size())];
  }

  static YamlNode scalar(std::string text, bool quoted = false) {
    return {.kind = Kind::kScalar, .text = std::move(text), .quoted = quoted};
  }

  // The child of that name, made if it is not there or of another kind.
  static YamlNode& child(YamlNode& map, std::string_view key, Kind kind) {
    auto at = std::find_if(map.entries.begin(), map.entries.end(),
                           [&](const YamlEntry& e) { return e.key == key; });
    if (at == map.entries.end()) {
      at = map.entries.insert(map.entries.end(), {std::string(key), {}, {.kind = kind}});
    }
    if (at->value.kind != kind) at->value = {.kind = kind};
    return at->value;
  }

  void set(YamlNode& map, std::string_view key, YamlNode value) {
    child(map, key, Kind::kNull) = std::move(value);
  }

  // A map's entries, whatever they say.
  void shake(YamlNode& map) {
    if (map.entries.empty()) return;
    YamlEntry& one = any_of(map.entries);
    YamlEntry& other = any_of(map.entries);
    switch (below(6)) {
      case 0:
        std::swap(one.value, other.value);
        break;
      case 1:
        std::swap(one, other);
        break;
      case 2:
        map.entries.push_back(YamlEntry(one));  // a duplicate key
        break;
      case 3:
        one.key += any_of(kGlobPieces);
        break;
      default:
        map.entries.erase(map.entries.begin() +
                          static_cast<std::ptrdiff_t>(below(map.entries.size())));
    }
  }

  void edit_top(YamlNode& root) {
    constexpr std::array<std::string_view, 3> kNames{"enforcement", "enforcement_limit", "profile"};
    if (one_in(8)) return shake(root);
    const std::string_view key = any_of(kNames);
    const bool profile = key == "profile";
    set(root, key,
        wrong_at_times(scalar(std::string(profile ? any_of(policy::kProfileNames)
                                                  : any_of(policy::kEnforcementNames)))));
  }

  void edit_rule_list(YamlNode& rules) {
    std::vector<YamlNode>& items = rules.items;
    if (items.empty() || one_in(4)) {
      items.insert(items.begin() + static_cast<std::ptrdiff_t>(below(items.size() + 1)), a_rule());
      return;
    }
    const auto at = items.begin() + static_cast<std::ptrdiff_t>(below(items.size()));
    switch (below(5)) {
      case 0:
        items.erase(at);
        break;
      case 1:
        items.push_back(YamlNode(*at));
        break;
      case 2:
        std::shuffle(items.begin(), items.end(), random_);
        break;
      default:
        std::swap(*at, any_of(items));
    }
  }

  void edit_a_rule(YamlNode& rules) {
    if (rules.items.empty()) rules.items.push_back(a_rule());
    YamlNode& rule = any_of(rules.items);
    if (one_in(3)) return edit_match(child(rule, "match", Kind::kMap));
    edit_fields(rule, true);
  }

  YamlNode a_rule() {
    YamlNode rule{.kind = Kind::kMap};
    for (std::size_t edits = below(3); edits > 0; --edits) {
      edit_match(child(rule, "match", Kind::kMap));
    }
    child(rule, "match", Kind::kMap);
    edit_fields(rule, true);
    return rule;
  }

  void edit_match(YamlNode& match) {
    if (one_in(6)) return shake(match);
    const std::size_t which = below(5);
    if (which == 0) {
      return set(match, "uid",
                 wrong_at_times(scalar(std::to_string(one_in(4) ? random_() : below(3)))));
    }
    YamlNode& glob = child(match, which < 3 ? "service" : "class", Kind::kScalar);
    glob.quoted = true;
    const std::size_t at = below(glob.text.size() + 1);
    if (one_in(3)) {
      glob.text.erase(at, 1 + below(3));
    } else {
      glob.text.insert(at, any_of(kGlobPieces));
    }
  }

  void edit_fields(YamlNode& map, bool of_rule) {
    if (one_in(8)) return shake(map);
    std::size_t which = below(of_rule ? policy::kFieldCount : policy::kTierFieldCount);
    const auto visit = [&](const auto& field) {
      if (which-- == 0) set(map, field.name, wrong_at_times(value_of(field.limits, field.set)));
    };
    policy::for_each_tier_field(visit);
    policy::for_each_rule_field(visit);
  }

  template <typename Limits, typename Owner, typename T>
  YamlNode value_of(const Limits& limits, std::optional<T> Owner::* /*field*/) {
    return scalar(a_value(limits));
  }

  // One value a tier, as a list or a map.
  template <typename Limits, typename Owner, typename T, std::size_t N>
  YamlNode value_of(const Limits& limits, std::optional<std::array<T, N>> Owner::* /*field*/) {
    YamlNode values{.kind = one_in(2) ? Kind::kList : Kind::kMap};
    for (std::size_t i = 0; i < N; ++i) {
      YamlNode value = scalar(a_value(limits));
      if (values.kind == Kind::kList) {
        values.items.push_back(std::move(value));
      } else {
        values.entries.push_back({std::string(policy::kTierNames[i]), {}, std::move(value)});
      }
    }
    return values;
  }

  // Spread over the orders of magnitude, both ends of the range among them.
  std::uint64_t number(std::uint64_t least, std::uint64_t most) {
    if (one_in(8)) return one_in(2) ? least : most;
    const double exponent =
        std::uniform_real_distribution(0.0, std::log(double(most - least) + 1))(random_);
    return std::min(least + static_cast<std::uint64_t>(std::exp(exponent)) - 1, most);
  }

  std::string a_value(const policy::DurationRange& range) {
    const std::uint64_t ns = number(static_cast<std::uint64_t>(range.least.count()),
                                    static_cast<std::uint64_t>(range.most.count()));
    return config::duration_text(policy::Duration{static_cast<std::int64_t>(ns)});
  }
  std::string a_value(const policy::CountRange& range) {
    return std::to_string(number(range.least, range.most));
  }
  std::string a_value(const policy::SpareCount& limits) {
    return one_in(3) ? std::string(policy::kAsManyAsWorkersWord) : a_value(limits.count);
  }
  std::string a_value(const policy::LoweredTo& limits) {
    if (one_in(3)) return std::string(one_in(2) ? policy::kUnchangedWord : policy::kIdleWord);
    return a_value(limits.nice);
  }
  std::string a_value(policy::Share) {
    return config::fraction_text(1.0 / static_cast<double>(1 + below(1'000)));
  }
  std::string a_value(policy::TierName) { return std::string(any_of(policy::kTierNames)); }
  std::string a_value(policy::PriorityName) { return std::string(any_of(policy::kPriorityNames)); }
  std::string a_value(policy::EnforcementName) {
    return std::string(any_of(policy::kEnforcementNames));
  }
  std::string a_value(policy::YesOrNo) { return std::string(any_of(policy::kYesAndNo)); }

  YamlNode wrong_at_times(YamlNode value) {
    switch (below(24)) {
      case 0:
        return scalar(std::string(any_of(kEdges)));
      case 1:
        return scalar(std::string(any_of(kEdges)), true);
      case 2:
        return {.kind = Kind::kList, .items = {std::move(value)}};
      case 3:
        return {.kind = Kind::kMap, .entries = {{"monitor", {}, std::move(value)}}};
      default:
        return value;
    }
  }

  Random& random_;
};

std::string in_quotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string flow(const YamlNode& node);

template <typename List, typename ToText>
std::string joined(const List& list, ToText to_text) {
  std::string out;
  for (const auto& one : list) out += (out.empty() ? "" : ", ") + to_text(one);
  return out;
}

std::string flow(const YamlNode& node) {
  switch (node.kind) {
    case Kind::kNull:
    case Kind::kRefused:
      break;
    case Kind::kScalar:
      return node.quoted ? in_quotes(node.text) : node.text;
    case Kind::kList:
      return "[" + joined(node.items, flow) + "]";
    case Kind::kMap:
      return "{" +
             joined(node.entries, [](const YamlEntry& e) { return e.key + ": " + flow(e.value); }) +
             "}";
  }
  return "null";
}

// The top and the rules a line each, the rest within them.
std::string printed(const YamlNode& root) {
  std::string out;
  for (const YamlEntry& entry : root.entries) {
    if (entry.value.kind != Kind::kList || entry.value.items.empty()) {
      out += entry.key + ": " + flow(entry.value) + "\n";
      continue;
    }
    out += entry.key + ":\n";
    for (const YamlNode& item : entry.value.items) out += "  - " + flow(item) + "\n";
  }
  return out;
}

}  // namespace

std::string mutated_policy(std::string_view yaml, Random& random) {
  config::Diagnostics diagnostics("");
  auto root = config::parse_yaml(yaml, diagnostics);
  if (!root || root->kind != Kind::kMap) return std::string(yaml);
  Mutator mutator(random);
  for (std::size_t edits = 1 + random() % 4; edits > 0; --edits) mutator.edit(*root);
  return printed(*root);
}

}  // namespace pulsed::fuzz
