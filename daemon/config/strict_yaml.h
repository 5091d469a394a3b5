// Reads typed values out of a YAML tree, strictly: whatever is not understood is an error with its
// position.
//
//   MapReader map(root, "the file", diagnostics);
//   if (const YamlNode* node = map.take("window")) config.window = read_duration(*node, range, ...)
//   map.finish();  // reports every key that nothing took
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config_error.h"
#include "daemon/config/units.h"
#include "daemon/config/yaml_node.h"
#include "daemon/policy/range.h"

namespace pulsed::config {

using policy::Range;

// Where a value stands and what it is called in messages.
struct Field {
  const YamlNode& node;
  std::string_view name;
  Diagnostics& diagnostics;

  void fault(std::string message) const;  // "`name`: message" at the node
};

// One map, each key taken at most once. The keys asked for are the keys there are.
class MapReader {
 public:
  // Reports a node that is not a map and then acts as an empty one. `name` is what messages call
  // the map.
  MapReader(const YamlNode& node, std::string_view name, Diagnostics& diagnostics);

  // The value of `key`, or null when it is not there; a null value is reported and counts as not
  // there.
  [[nodiscard]] const YamlNode* take(std::string_view key);
  // Reports every key that was never asked for, with the nearest that was.
  void finish();

 private:
  const YamlNode& node_;
  std::string name_;
  Diagnostics& diagnostics_;
  std::vector<std::string_view> known_;
};

// Each reports what is wrong and returns nothing, or a value within the range (both ends included).
[[nodiscard]] std::optional<Duration> read(const Field& field, const Range<Duration>& range);
[[nodiscard]] std::optional<std::uint32_t> read(const Field& field,
                                                const Range<std::uint32_t>& range);
[[nodiscard]] std::optional<std::uint64_t> read_bytes(const Field& field,
                                                      const Range<std::uint64_t>& range);
// Above 0, at most 1.
[[nodiscard]] std::optional<double> read_share(const Field& field);
// The index of the name in `names`.
[[nodiscard]] std::optional<std::size_t> read_choice(const Field& field,
                                                     std::span<const std::string_view> names);
// true or false.
[[nodiscard]] std::optional<bool> read_yes_or_no(const Field& field);
// A whole number within the range, or one of `words`. In messages the number is `what`, such as "a nice value".
struct CountOrWord {
  std::uint32_t count;
  std::optional<std::size_t> word;  // its index; then the count means nothing
};
[[nodiscard]] std::optional<CountOrWord> read_count_or_word(
    const Field& field, const Range<std::uint32_t>& range, std::string_view what,
    std::span<const std::string_view> words);
// One line of text, of 1 to `longest` bytes.
[[nodiscard]] std::optional<std::string> read_text(const Field& field, std::size_t longest);
// The items of a list, or null after a report.
[[nodiscard]] const std::vector<YamlNode>* read_list(const Field& field);

}  // namespace pulsed::config
