// The other direction of gzip(), for tests.
#pragma once

#include <zlib.h>

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pulsed::http {

// Throws std::runtime_error if it is not exactly one gzip member.
inline std::string gunzip(std::string_view compressed) {
  z_stream z{};
  inflateInit2(&z, 15 + 16);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  z.avail_in = static_cast<uInt>(compressed.size());
  std::string text;
  std::array<char, 65536> block{};
  int status = Z_OK;
  while (status == Z_OK) {
    z.next_out = reinterpret_cast<Bytef*>(block.data());
    z.avail_out = static_cast<uInt>(block.size());
    status = inflate(&z, Z_NO_FLUSH);
    text.append(block.data(), block.size() - z.avail_out);
  }
  const bool whole = status == Z_STREAM_END && z.avail_in == 0;
  inflateEnd(&z);
  if (!whole) throw std::runtime_error("not one gzip member");
  return text;
}

}  // namespace pulsed::http
