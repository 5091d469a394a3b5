#include "daemon/rpc/tier_fields_message.h"

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/config/units.h"
#include "daemon/policy/field_table.h"
#include "daemon/rpc/duration_message.h"

namespace pulsed::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using policy::kTierNames;
using policy::OsPriority;

const FieldDescriptor& field_of(const Message& message, std::string_view name) {
  const auto* descriptor = message.GetDescriptor();
  const FieldDescriptor* field = descriptor->FindFieldByName(std::string(name));
  if (field != nullptr) return *field;
  throw std::logic_error(descriptor->full_name() + " has no field " + std::string(name));
}

// A field within its message, by name.
struct Slot {
  Message& parent;
  const FieldDescriptor& field;
  [[nodiscard]] Message& message() const {
    return *parent.GetReflection()->MutableMessage(&parent, &field);
  }
};

struct Source {
  const Message& parent;
  const FieldDescriptor& field;
  [[nodiscard]] bool is_set() const { return parent.GetReflection()->HasField(parent, &field); }
  [[nodiscard]] const Message& message() const {
    return parent.GetReflection()->GetMessage(parent, &field);
  }
};

template <typename Known>
const Known& known(const Message& message) {
  return dynamic_cast<const Known&>(message);
}
template <typename Known>
Known& known(Message& message) {
  return dynamic_cast<Known&>(message);
}

// --- to the message ---

void write(const Slot& to, Duration value, const policy::DurationRange& /*limits*/) {
  known<google::protobuf::Duration>(to.message()) = duration_message(value);
}

void write(const Slot& to, std::uint32_t value, const policy::CountRange& /*limits*/) {
  to.parent.GetReflection()->SetUInt32(&to.parent, &to.field, value);
}

void write(const Slot& to, double value, policy::Share /*limits*/) {
  to.parent.GetReflection()->SetDouble(&to.parent, &to.field, value);
}

void write(const Slot& to, policy::Tier value, policy::TierName /*limits*/) {
  to.parent.GetReflection()->SetEnumValue(&to.parent, &to.field,
                                          static_cast<int>(index(value)) + 1);
}

void write(const Slot& to, std::uint32_t value, const policy::SpareCount& /*limits*/) {
  auto& count = known<v1::SpareCount>(to.message());
  if (value == policy::kAsManyAsWorkers) {
    count.set_as_many_as_workers(true);
  } else {
    count.set_workers(value);
  }
}

void write(const Slot& to, const OsPriority& value, const policy::LoweredTo& /*limits*/) {
  auto& priority = known<v1::OsPriority>(to.message());
  switch (value.kind) {
    case OsPriority::Kind::kUnchanged:
      return priority.set_unchanged(true);
    case OsPriority::Kind::kNice:
      return priority.set_nice(value.nice);
    case OsPriority::Kind::kIdle:
      return priority.set_idle(true);
  }
}

template <typename T, std::size_t N, typename Limits>
void write(const Slot& to, const std::array<T, N>& values, const Limits& limits) {
  Message& tiers = to.message();
  for (std::size_t i = 0; i < N; ++i) {
    write(Slot{tiers, field_of(tiers, kTierNames[i])}, values[i], limits);
  }
}

// --- from the message ---

template <typename T>
std::string outside(const std::string& value, const policy::Range<T>& range) {
  const auto shown = [](const T& end) {
    if constexpr (std::is_same_v<T, Duration>) {
      return config::duration_text(end);
    } else {
      return std::to_string(end);
    }
  };
  return value + " is outside " + shown(range.least) + " to " + shown(range.most);
}

std::optional<Duration> read(const Source& from, const policy::DurationRange& range,
                             const FieldPath& path) {
  const auto value = read_duration(known<google::protobuf::Duration>(from.message()), path);
  if (!value || range.holds(*value)) return value;
  path.fault(value->count() < 0 ? "is negative" : outside(config::duration_text(*value), range));
  return {};
}

std::optional<std::uint32_t> within(std::uint32_t value, const policy::CountRange& range,
                                    const FieldPath& path) {
  if (range.holds(value)) return value;
  path.fault(outside(std::to_string(value), range));
  return {};
}

std::optional<std::uint32_t> read(const Source& from, const policy::CountRange& range,
                                  const FieldPath& path) {
  return within(from.parent.GetReflection()->GetUInt32(from.parent, &from.field), range, path);
}

std::optional<double> read(const Source& from, policy::Share /*limits*/, const FieldPath& path) {
  const double share = from.parent.GetReflection()->GetDouble(from.parent, &from.field);
  if (share > 0.0 && share <= 1.0) return share;
  path.fault(std::to_string(share) + " is not above 0 and at most 1");
  return {};
}

std::optional<policy::Tier> read(const Source& from, policy::TierName /*limits*/,
                                 const FieldPath& path) {
  const int value = from.parent.GetReflection()->GetEnumValue(from.parent, &from.field);
  if (value >= 1 && static_cast<std::size_t>(value) <= policy::kTierCount) {
    return static_cast<policy::Tier>(value - 1);
  }
  path.fault(std::to_string(value) + " is no Tier that this pulsed knows");
  return {};
}

std::optional<std::uint32_t> read(const Source& from, const policy::SpareCount& limits,
                                  const FieldPath& path) {
  const auto& count = known<v1::SpareCount>(from.message());
  switch (count.count_case()) {
    case v1::SpareCount::kWorkers:
      return within(count.workers(), limits.count, path.of("workers"));
    case v1::SpareCount::kAsManyAsWorkers:
      if (count.as_many_as_workers()) return policy::kAsManyAsWorkers;
      path.of("as_many_as_workers").fault("can only be true; else set `workers`");
      return {};
    case v1::SpareCount::COUNT_NOT_SET:
      break;
  }
  path.fault("needs one of `workers` and `as_many_as_workers`");
  return {};
}

std::optional<OsPriority> read(const Source& from, const policy::LoweredTo& limits,
                               const FieldPath& path) {
  const auto& priority = known<v1::OsPriority>(from.message());
  const auto flag = [&](std::string_view name, bool given,
                        OsPriority::Kind kind) -> std::optional<OsPriority> {
    if (given) return OsPriority{.kind = kind};
    path.of(name).fault("can only be true; else set another priority");
    return {};
  };
  switch (priority.priority_case()) {
    case v1::OsPriority::kNice: {
      const auto nice = within(priority.nice(), limits.nice, path.of("nice"));
      if (!nice) return {};
      return OsPriority{OsPriority::Kind::kNice, static_cast<std::uint8_t>(*nice)};
    }
    case v1::OsPriority::kIdle:
      return flag("idle", priority.idle(), OsPriority::Kind::kIdle);
    case v1::OsPriority::kUnchanged:
      return flag("unchanged", priority.unchanged(), OsPriority::Kind::kUnchanged);
    case v1::OsPriority::PRIORITY_NOT_SET:
      break;
  }
  path.fault("needs one of `nice`, `idle` and `unchanged`");
  return {};
}

template <typename T, typename Limits>
void read_field(const Source& from, const Limits& limits, const FieldPath& path,
                std::optional<T>& out) {
  out = read(from, limits, path);
}

// Reads all values, wrong ones too, so that each is reported.
template <typename T, std::size_t N, typename Limits>
void read_field(const Source& from, const Limits& limits, const FieldPath& path,
                std::optional<std::array<T, N>>& out) {
  const Message& tiers = from.message();
  std::array<T, N> values{};
  bool good = true;
  std::string missing;
  for (std::size_t i = 0; i < N; ++i) {
    const Source one{tiers, field_of(tiers, kTierNames[i])};
    std::optional<T> value;
    if (one.is_set()) {
      value = read(one, limits, path.of(kTierNames[i]));
    } else {
      missing += (missing.empty() ? "" : ", ") + std::string(kTierNames[i]);
    }
    if (value) values[i] = *value;
    good = good && value;
  }
  if (!missing.empty()) path.fault("has no value for " + missing);
  if (good) out = values;
}

}  // namespace

void to_message(const policy::TierOverrides& set, v1::TierFields& message) {
  policy::for_each_tier_field([&](const auto& field) {
    const FieldDescriptor& target = field_of(message, field.name);
    if (const auto& value = set.*field.set) write(Slot{message, target}, *value, field.limits);
  });
}

policy::TierOverrides from_message(const v1::TierFields& message, const FieldPath& path) {
  policy::TierOverrides set;
  policy::for_each_tier_field([&](const auto& field) {
    const Source from{message, field_of(message, field.name)};
    if (from.is_set()) read_field(from, field.limits, path.of(field.name), set.*field.set);
  });
  return set;
}

}  // namespace pulsed::rpc
