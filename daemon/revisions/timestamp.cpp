#include "daemon/revisions/timestamp.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace pulsed::revisions {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using Time = std::chrono::system_clock::time_point;

std::string timestamp_text(Time time) {
  const auto since_epoch = std::chrono::floor<seconds>(time.time_since_epoch());
  const auto rest = std::chrono::duration_cast<nanoseconds>(time.time_since_epoch() - since_epoch);
  const std::time_t whole = since_epoch.count();
  std::tm utc{};
  ::gmtime_r(&whole, &utc);
  std::array<char, 24> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%09ldZ", static_cast<long>(rest.count()));
  return std::string(date.data()) + fraction.data();
}

std::optional<Time> read_timestamp(const std::string& text) {
  std::tm utc{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  long fraction = 0;
  if (rest == nullptr || std::sscanf(rest, ".%9ldZ", &fraction) != 1) return {};
  const Time time{
      std::chrono::duration_cast<Time::duration>(seconds{::timegm(&utc)} + nanoseconds{fraction})};
  // Printed again it shows whatever was read too kindly.
  if (timestamp_text(time) != text) return {};
  return time;
}

}  // namespace pulsed::revisions
