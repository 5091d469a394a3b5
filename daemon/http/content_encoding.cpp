#include "daemon/http/content_encoding.h"

#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>

namespace pulsed::http {
namespace {

std::string_view trimmed(std::string_view s) {
  const std::size_t first = s.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Takes what stands before the separator off the front of the list.
std::string_view next(std::string_view& list, char separator) {
  const std::size_t end = std::min(list.find(separator), list.size());
  const std::string_view item = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return trimmed(item);
}

// Whether a qvalue, "0", "1", "0." or "1." with up to three digits, is more than 0.
bool wanted(std::string_view weight) {
  if (weight.empty() || weight.size() > 5 || (weight[0] != '0' && weight[0] != '1')) return false;
  if (weight.size() > 1 && weight[1] != '.') return false;
  const std::string_view digits = weight.substr(std::min<std::size_t>(2, weight.size()));
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return false;
  const bool more = digits.find_first_not_of('0') != std::string_view::npos;
  return weight[0] == '1' ? !more : more;
}

// Of one item, such as "gzip;q=0.5" without its name.
bool parameters_allow(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view value = next(parameters, ';');
    if (value.empty()) continue;
    const std::string_view name = next(value, '=');
    if (same_ignoring_case(name, "q")) return wanted(trimmed(value));
  }
  return true;
}

// Ends the stream on every way out.
struct Deflate {
  z_stream stream{};
  Deflate() {
    constexpr int kGzipWindowBits = 15 + 16;
    constexpr int kMemoryLevel = 8;
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Deflate() { deflateEnd(&stream); }
  Deflate(const Deflate&) = delete;
  Deflate& operator=(const Deflate&) = delete;
};

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> named;
  std::optional<bool> any;
  while (!accept_encoding.empty()) {
    std::string_view item = next(accept_encoding, ',');
    const std::string_view coding = next(item, ';');
    if (same_ignoring_case(coding, "gzip") || same_ignoring_case(coding, "x-gzip")) {
      named = parameters_allow(item);
    } else if (coding == "*") {
      any = parameters_allow(item);
    }
  }
  return named.value_or(any.value_or(false));
}

std::string gzip(std::string_view text) {
  if (text.size() > std::numeric_limits<uInt>::max()) throw std::length_error("too long for gzip");
  Deflate deflater;
  z_stream& z = deflater.stream;
  std::string out(deflateBound(&z, text.size()), '\0');
  // zlib does not write through next_in; its type predates const.
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("zlib did not finish");
  out.resize(z.total_out);
  out.shrink_to_fit();
  return out;
}

}  // namespace pulsed::http
