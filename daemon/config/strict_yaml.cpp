#include "daemon/config/strict_yaml.h"

#include <algorithm>
#include <array>

#include "daemon/config/suggestion.h"
#include "daemon/policy/plain_text.h"

namespace pulsed::config {
namespace {

std::string_view kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kRefused:
      break;
  }
  return "something else";
}

// The text of a scalar, or null after a report that says what was expected.
const std::string* scalar(const Field& field, std::string_view expected) {
  if (field.node.kind == YamlNode::Kind::kScalar) return &field.node.text;
  if (field.node.kind != YamlNode::Kind::kRefused) {
    field.fault("expected " + std::string(expected) + ", found " +
                std::string(kind_name(field.node.kind)));
  }
  return nullptr;
}

// Numbers stand without quotes: a quoted one is text.
const std::string* number(const Field& field, std::string_view expected) {
  const std::string* found = scalar(field, expected);
  if (found == nullptr || !field.node.quoted) return found;
  field.fault("expected " + std::string(expected) + ", found text in quotes");
  return nullptr;
}

// A reading within a range, or a report.
template <typename T, typename ToText>
std::optional<T> within(const Field& field, const Reading<T>& reading, const Range<T>& range,
                        ToText to_text) {
  if (!reading) {
    field.fault(reading.fault);
    return {};
  }
  const T value = *reading.value;
  if (range.holds(value)) return value;
  field.fault("`" + shown(field.node.text) + "` is out of range; from " + to_text(range.least) +
              " to " + to_text(range.most));
  return {};
}

std::string count_text(std::uint64_t n) { return std::to_string(n); }

}  // namespace

void Field::fault(std::string message) const {
  diagnostics.add(node.at, "`" + std::string(name) + "`: " + std::move(message));
}

MapReader::MapReader(const YamlNode& node, std::string_view name, Diagnostics& diagnostics)
    : node_(node), name_(name), diagnostics_(diagnostics) {
  if (node.kind == YamlNode::Kind::kMap || node.kind == YamlNode::Kind::kRefused) return;
  diagnostics_.add(node.at, name_ + ": expected a map of `key: value`, found " +
                                std::string(kind_name(node.kind)));
}

const YamlNode* MapReader::take(std::string_view key) {
  known_.push_back(key);
  const auto entry = std::find_if(node_.entries.begin(), node_.entries.end(),
                                  [&](const YamlEntry& e) { return e.key == key; });
  if (entry == node_.entries.end()) return nullptr;
  if (entry->value.kind != YamlNode::Kind::kNull) return &entry->value;
  diagnostics_.add(entry->at, "`" + std::string(key) + "` has no value; give one or leave it out");
  return nullptr;
}

void MapReader::finish() {
  for (const YamlEntry& entry : node_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    std::string message = "unknown key `" + shown(entry.key) + "` in " + name_;
    if (!diagnostics_.full()) message += did_you_mean(entry.key, known_);
    diagnostics_.add(entry.at, std::move(message));
  }
}

std::optional<Duration> read(const Field& field, const Range<Duration>& range) {
  const std::string* found = number(field, "a duration such as `5ms`");
  if (found == nullptr) return {};
  return within(field, read_duration(*found), range, duration_text);
}

std::optional<std::uint32_t> read(const Field& field, const Range<std::uint32_t>& range) {
  const std::string* found = number(field, "a whole number");
  if (found == nullptr) return {};
  const Range<std::uint64_t> wide{range.least, range.most};
  const auto value = within(field, read_count(*found), wide, count_text);
  if (!value) return {};
  return static_cast<std::uint32_t>(*value);
}

std::optional<std::uint64_t> read_bytes(const Field& field, const Range<std::uint64_t>& range) {
  const std::string* found = number(field, "a size such as `64KiB`");
  if (found == nullptr) return {};
  return within(field, read_size(*found), range, size_text);
}

std::optional<double> read_share(const Field& field) {
  const std::string* found = number(field, "a share such as `0.5`");
  if (found == nullptr) return {};
  const auto share = read_fraction(*found);
  if (!share) {
    field.fault(share.fault);
    return {};
  }
  if (*share.value > 0.0 && *share.value <= 1.0) return share.value;
  field.fault("`" + shown(*found) + "` is out of range; above 0, at most 1");
  return {};
}

std::optional<std::size_t> read_choice(const Field& field,
                                       std::span<const std::string_view> names) {
  const std::string* found = scalar(field, one_of(names));
  if (found == nullptr) return {};
  const auto at = std::find(names.begin(), names.end(), *found);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  field.fault("`" + shown(*found) + "` is not " + one_of(names) + did_you_mean(*found, names));
  return {};
}

std::optional<bool> read_yes_or_no(const Field& field) {
  constexpr std::array<std::string_view, 2> kWords{"true", "false"};
  constexpr std::array<std::string_view, 6> kYes{"yes", "on", "y", "1", "True", "TRUE"};
  constexpr std::array<std::string_view, 6> kNo{"no", "off", "n", "0", "False", "FALSE"};
  const std::string* found = number(field, one_of(kWords));
  if (found == nullptr) return {};
  const auto among = [&](std::span<const std::string_view> words) {
    return std::find(words.begin(), words.end(), *found) != words.end();
  };
  if (*found == kWords[0]) return true;
  if (*found == kWords[1]) return false;
  std::string hint = did_you_mean(*found, kWords);
  if (among(kYes)) hint = "; did you mean `true`?";
  if (among(kNo)) hint = "; did you mean `false`?";
  field.fault("`" + shown(*found) + "` is not " + one_of(kWords) + hint);
  return {};
}

std::optional<CountOrWord> read_count_or_word(const Field& field, const Range<std::uint32_t>& range,
                                              std::string_view what,
                                              std::span<const std::string_view> words) {
  const std::string number =
      std::string(what) + " from " + count_text(range.least) + " to " + count_text(range.most);
  std::vector<std::string_view> allowed(words.begin(), words.end());
  allowed.push_back(number);
  const std::string* found = scalar(field, one_of(allowed));
  if (found == nullptr) return {};
  const auto at = std::find(words.begin(), words.end(), *found);
  if (at != words.end()) return CountOrWord{0, static_cast<std::size_t>(at - words.begin())};
  const auto count = read_count(*found);
  if (count && field.node.quoted) {
    field.fault("expected " + one_of(allowed) + ", found text in quotes");
  } else if (count && *count.value >= range.least && *count.value <= range.most) {
    return CountOrWord{static_cast<std::uint32_t>(*count.value), {}};
  } else {
    field.fault("`" + shown(*found) + "` is not " + one_of(allowed) + did_you_mean(*found, words));
  }
  return {};
}

std::optional<std::string> read_text(const Field& field, std::size_t longest) {
  const std::string* found = scalar(field, "text");
  if (found == nullptr) return {};
  if (found->empty()) {
    field.fault("is empty; leave it out instead");
  } else if (found->size() > longest) {
    field.fault("is longer than " + std::to_string(longest) + " bytes");
  } else if (!policy::is_one_plain_line(*found)) {
    field.fault("has a control character or a byte order mark");
  } else {
    return *found;
  }
  return {};
}

const std::vector<YamlNode>* read_list(const Field& field) {
  if (field.node.kind == YamlNode::Kind::kList) return &field.node.items;
  if (field.node.kind != YamlNode::Kind::kRefused) {
    field.fault("expected a list, found " + std::string(kind_name(field.node.kind)));
  }
  return nullptr;
}

}  // namespace pulsed::config
