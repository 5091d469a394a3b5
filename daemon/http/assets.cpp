#include "daemon/http/assets.h"

#include <zlib.h>

#include <array>
#include <cstdio>
#include <utility>

#include "daemon/http/content_encoding.h"

namespace pulsed::http {
namespace {

// Not against malice: the bytes are ours.
std::string etag(std::string_view body) {
  const auto* bytes = reinterpret_cast<const Bytef*>(body.data());
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "W/\"%08lx%08lx-%zx\"", ::crc32_z(0, bytes, body.size()),
                ::adler32_z(1, bytes, body.size()), body.size());
  return text.data();
}

}  // namespace

std::vector<ServedAsset> served(std::span<const web::Asset> assets) {
  std::vector<ServedAsset> all;
  for (const web::Asset& asset : assets) {
    std::string compressed = gzip(asset.body);
    if (compressed.size() >= asset.body.size()) compressed.clear();
    all.push_back({asset, std::move(compressed), etag(asset.body)});
  }
  return all;
}

bool known(const ServedAsset& asset, std::string_view if_none_match) {
  // Weak comparison: what is between the quotes.
  const std::string_view tag = std::string_view(asset.etag).substr(2);
  return if_none_match == "*" || if_none_match.find(tag) != std::string_view::npos;
}

}  // namespace pulsed::http
