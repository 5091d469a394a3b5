// The embedded page's files as they are sent: each with a tag of its content, and compressed once.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashboards/web/web_assets.h"

namespace pulsed::http {

// An asset, whose bytes the program holds, and what was made of it.
struct ServedAsset {
  web::Asset asset;
  std::string gzip;  // empty: it would not be smaller
  std::string etag;  // weak (RFC 9110, 8.8.3): one for both codings
};

[[nodiscard]] std::vector<ServedAsset> served(std::span<const web::Asset> assets);

// Whether a client that sends this If-None-Match header has it already.
[[nodiscard]] bool known(const ServedAsset& asset, std::string_view if_none_match);

}  // namespace pulsed::http
