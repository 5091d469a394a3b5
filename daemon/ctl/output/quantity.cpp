#include "daemon/ctl/output/quantity.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <ctime>

namespace pulsed::ctl {
namespace {

using std::chrono::duration_cast;

// Three figures: 1.23, 12.3, 123.
std::string three_figures(double value) {
  std::array<char, 32> text{};
  const int decimals = value < 9.995 ? 2 : (value < 99.95 ? 1 : 0);
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string two_parts(std::int64_t big, char big_unit, std::int64_t small, char small_unit) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%lld%c%02lld%c", static_cast<long long>(big), big_unit,
                static_cast<long long>(small), small_unit);
  return text.data();
}

std::string local_time(const google::protobuf::Timestamp& at) {
  const std::time_t seconds = at.seconds();
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%F %T", &local);
  return text.data();
}

// "TIER_ISOLATE" is "isolate"; the value 0 is never one.
std::string without_prefix(const std::string& name, std::size_t prefix, int value) {
  if (value == 0 || name.size() <= prefix) return {};
  std::string out = name.substr(prefix);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

Nanoseconds nanoseconds(const google::protobuf::Duration& d) {
  return std::chrono::seconds{d.seconds()} + Nanoseconds{d.nanos()};
}

std::string human(Nanoseconds d) {
  const std::int64_t ns = d.count();
  if (ns < 0) return "-" + human(-d);
  if (ns < 1000) return std::to_string(ns) + "ns";
  if (ns < 999'500) return three_figures(static_cast<double>(ns) / 1e3) + "us";
  if (ns < 999'500'000) return three_figures(static_cast<double>(ns) / 1e6) + "ms";
  if (ns < 59'950'000'000) return three_figures(static_cast<double>(ns) / 1e9) + "s";
  const std::int64_t s = (ns + 500'000'000) / 1'000'000'000;
  if (s < 3600) return two_parts(s / 60, 'm', s % 60, 's');
  if (s < 86400) return two_parts(s / 3600, 'h', s % 3600 / 60, 'm');
  return two_parts(s / 86400, 'd', s % 86400 / 3600, 'h');
}

std::string human(const google::protobuf::Duration& d) { return human(nanoseconds(d)); }

std::string human_if_any(const google::protobuf::Duration& d) {
  return nanoseconds(d).count() == 0 ? std::string() : human(d);
}

std::string human(std::uint64_t count) {
  if (count < 10'000) return std::to_string(count);
  double scaled = static_cast<double>(count) / 1e3;
  for (const char* unit : {"k", "M", "G", "T"}) {
    if (scaled < 999.5) return three_figures(scaled) + unit;
    scaled /= 1e3;
  }
  return three_figures(scaled) + "P";
}

std::string date_text(const google::protobuf::Timestamp& at) { return local_time(at); }

std::string date_text_ms(const google::protobuf::Timestamp& at) {
  std::array<char, 8> millis{};
  std::snprintf(millis.data(), millis.size(), ".%03d", std::clamp(at.nanos() / 1'000'000, 0, 999));
  return local_time(at) + millis.data();
}

Nanoseconds age(const google::protobuf::Timestamp& since,
                std::chrono::system_clock::time_point now) {
  const auto at = std::chrono::seconds{since.seconds()} + Nanoseconds{since.nanos()};
  return std::max(Nanoseconds{0}, duration_cast<Nanoseconds>(now.time_since_epoch()) - at);
}

std::string word(v1::Tier tier) { return without_prefix(v1::Tier_Name(tier), 5, tier); }
std::string word(v1::Enforcement enforcement) {
  return without_prefix(v1::Enforcement_Name(enforcement), 12, enforcement);
}
std::string word(v1::Profile profile) {
  return without_prefix(v1::Profile_Name(profile), 8, profile);
}
std::string word(v1::Blame blame) { return without_prefix(v1::Blame_Name(blame), 6, blame); }
std::string word(v1::WorkerInfo::Kind kind) {
  return without_prefix(v1::WorkerInfo::Kind_Name(kind), 5, kind);
}

std::string text(const v1::Author& author) {
  switch (author.who_case()) {
    case v1::Author::kUid:
      return "uid " + std::to_string(author.uid());
    case v1::Author::kCertificate:
      return "certificate " + author.certificate();
    case v1::Author::kFile:
      return "file " + author.file();
    case v1::Author::kBuiltIn:
      return "built in";
    case v1::Author::WHO_NOT_SET:
      break;
  }
  return {};
}

Ink ink_of(v1::Tier tier) {
  switch (tier) {
    case v1::TIER_WARN:
      return Ink::kYellow;
    case v1::TIER_YIELD:
      return Ink::kMagenta;
    case v1::TIER_ISOLATE:
      return Ink::kRed;
    default:
      return Ink::kPlain;
  }
}

}  // namespace pulsed::ctl
