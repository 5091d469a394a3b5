#include "daemon/rpc/duration_message.h"

#include <algorithm>
#include <limits>

namespace pulsed::rpc {
namespace {

constexpr std::int64_t kNanosASecond = 1'000'000'000;

}  // namespace

google::protobuf::Duration duration_message(Duration value) {
  google::protobuf::Duration message;
  message.set_seconds(value.count() / kNanosASecond);
  message.set_nanos(static_cast<std::int32_t>(value.count() % kNanosASecond));
  return message;
}

google::protobuf::Duration duration_message_ns(std::uint64_t nanoseconds) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return duration_message(Duration{static_cast<std::int64_t>(std::min(nanoseconds, kMost))});
}

google::protobuf::Timestamp timestamp_message(std::chrono::system_clock::time_point at) {
  const auto since = std::chrono::duration_cast<Duration>(at.time_since_epoch());
  // A timestamp's nanoseconds count forward, also before 1970.
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  google::protobuf::Timestamp message;
  message.set_seconds(seconds.count());
  message.set_nanos(static_cast<std::int32_t>((since - seconds).count()));
  return message;
}

std::optional<Duration> read_duration(const google::protobuf::Duration& message,
                                      const FieldPath& path) {
  constexpr std::int64_t kMostSeconds =
      std::numeric_limits<std::int64_t>::max() / kNanosASecond - 1;
  const std::int64_t seconds = message.seconds();
  const std::int64_t nanos = message.nanos();
  if (nanos <= -kNanosASecond || nanos >= kNanosASecond || (seconds > 0 && nanos < 0) ||
      (seconds < 0 && nanos > 0)) {
    path.fault("is no length of time: nanos are below a second, with the sign of the seconds");
    return {};
  }
  if (seconds > kMostSeconds || seconds < -kMostSeconds) {
    path.fault(std::to_string(seconds) + "s is out of every range");
    return {};
  }
  return Duration{seconds * kNanosASecond + nanos};
}

}  // namespace pulsed::rpc
