#include "daemon/config/value_text.h"

#include "daemon/config/units.h"

namespace pulsed::config {

std::string value_text(policy::Duration d, const policy::DurationRange& /*limits*/) {
  return duration_text(d);
}

std::string value_text(std::uint32_t n, const policy::CountRange& /*limits*/) {
  return std::to_string(n);
}

std::string value_text(std::uint32_t n, const policy::SpareCount& /*limits*/) {
  return n == policy::kAsManyAsWorkers ? std::string(policy::kAsManyAsWorkersWord)
                                       : std::to_string(n);
}

std::string value_text(double share, policy::Share /*limits*/) { return fraction_text(share); }

std::string value_text(bool yes, policy::YesOrNo /*limits*/) {
  return std::string(policy::kYesAndNo[yes ? 0 : 1]);
}

std::string value_text(policy::Tier tier, policy::TierName /*limits*/) {
  return std::string(policy::name(tier));
}

std::string value_text(policy::Priority priority, policy::PriorityName /*limits*/) {
  return std::string(policy::name(priority));
}

std::string value_text(policy::Enforcement enforcement, policy::EnforcementName /*limits*/) {
  return std::string(policy::name(enforcement));
}

std::string value_text(const policy::OsPriority& priority, const policy::LoweredTo& /*limits*/) {
  switch (priority.kind) {
    case policy::OsPriority::Kind::kUnchanged:
      return std::string(policy::kUnchangedWord);
    case policy::OsPriority::Kind::kIdle:
      return std::string(policy::kIdleWord);
    case policy::OsPriority::Kind::kNice:
      break;
  }
  return std::to_string(priority.nice);
}

}  // namespace pulsed::config
