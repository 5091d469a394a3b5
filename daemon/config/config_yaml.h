// pulsed.yaml, read over a Config: what the file does not name stays as it was.
#pragma once

#include <string_view>

#include "daemon/config/config.h"

namespace pulsed::config {

// `named_policy`: the file itself says where the policy is, so that must exist.
struct ConfigFile {
  Config config;
  bool named_policy = false;
};

// `source` names the text in messages.
[[nodiscard]] Outcome<ConfigFile> read_config(std::string_view text, std::string_view source,
                                              const Config& base);

}  // namespace pulsed::config
