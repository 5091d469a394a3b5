// The part of YAML that our files may use, as a plain tree that remembers where everything stood.
//
// One document of maps, lists and one-line scalars. What can hide a mistake or blow up is refused:
// duplicate keys, anchors and aliases, tags, keys that are not text, scalars over several lines,
// more than kMostBytes, deeper than kDeepest. yaml_node.cpp is the only file that sees yaml-cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/config_error.h"

namespace pulsed::config {

inline constexpr std::size_t kMostBytes = 1 << 20;
inline constexpr std::size_t kDeepest = 16;

struct YamlEntry;

struct YamlNode {
  enum class Kind {
    kNull,
    kScalar,
    kList,
    kMap,
    kRefused,  // said already; readers pass it by
  };
  Kind kind = Kind::kNull;
  Position at;
  std::string text;                // of a scalar, exactly as written
  bool quoted = false;             // of a scalar
  std::vector<YamlNode> items;     // of a list
  std::vector<YamlEntry> entries;  // of a map, in the order of the file, each key once
};

struct YamlEntry {
  std::string key;
  Position at;  // of the key
  YamlNode value;
};

// The document's root; a file of comments alone is an empty map. Errors go to `diagnostics`;
// nothing comes back when the text is no such document at all. A tree can come back beside errors,
// so that a caller finds more of them.
[[nodiscard]] std::optional<YamlNode> parse_yaml(std::string_view text, Diagnostics& diagnostics);

}  // namespace pulsed::config
