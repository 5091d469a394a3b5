#include "daemon/rpc/event_message.h"

#include <string>

#include "daemon/rpc/duration_message.h"
#include "daemon/rpc/policy_message.h"

namespace pulsed::rpc {
namespace {

// The class it is about, if it is about one.
const std::string* class_of(const Event& event) {
  return std::visit(
      [](const auto& what) -> const std::string* {
        if constexpr (requires { what.task_class; }) {
          return &what.task_class;
        } else {
          return nullptr;
        }
      },
      event.what);
}

void fill(const TierChanged& what, v1::Event& event) {
  v1::TierChanged& message = *event.mutable_tier_changed();
  message.set_class_(what.task_class);
  message.set_whole_class(!what.task);
  if (what.task) {
    message.set_slot(what.task->slot);
    message.set_generation(what.task->generation);
  }
  message.set_from(enum_message<v1::Tier>(what.from));
  message.set_to(enum_message<v1::Tier>(what.to));
  message.set_reason(std::string(policy::kReasonNames[static_cast<std::size_t>(what.reason)]));
  *message.mutable_poll_cpu() = duration_message(what.poll_cpu);
  message.set_enforcement(enum_message<v1::Enforcement>(what.enforcement));
}

void fill(const PollHeld& what, v1::Event& event) {
  v1::PollHeld& message = *event.mutable_poll_held();
  message.set_class_(what.task_class);
  message.set_worker(what.worker);
  message.set_thread_name(what.thread_name);
  *message.mutable_age() = duration_message(what.age);
  *message.mutable_cpu() = duration_message(what.cpu);
  message.set_blame(static_cast<v1::Blame>(what.blame));  // our unknown is the API's unspecified
  message.set_enforcement(enum_message<v1::Enforcement>(what.enforcement));
  message.set_tier(enum_message<v1::Tier>(what.tier));
}

void fill(const HeldPollEnded& what, v1::Event& event) {
  v1::HeldPollEnded& message = *event.mutable_held_poll_ended();
  message.set_class_(what.task_class);
  message.set_worker(what.worker);
  message.set_thread_name(what.thread_name);
  *message.mutable_start() = timestamp_message(what.start);
  *message.mutable_duration() = duration_message(what.duration);
  message.set_at_most(what.at_most);
  message.set_tier(enum_message<v1::Tier>(what.tier));
  message.set_blame(static_cast<v1::Blame>(what.blame));
}

void fill(const ServiceAttached& what, v1::Event& event) {
  event.mutable_attached()->set_uid(what.uid);
}

void fill(const ServiceDetached& /*what*/, v1::Event& event) { event.mutable_detached(); }

void fill(const ServiceQuarantined& what, v1::Event& event) {
  event.mutable_quarantined()->set_rejected_records(what.rejected_records);
}

void fill(const PolicyChanged& what, v1::Event& event) {
  event.mutable_policy_changed()->set_revision(what.revision);
  event.mutable_policy_changed()->set_enforcement(enum_message<v1::Enforcement>(what.enforcement));
}

void fill(const PinChanged& what, v1::Event& event) {
  event.mutable_pin_changed()->set_class_(what.task_class);
  if (what.tier) event.mutable_pin_changed()->set_tier(enum_message<v1::Tier>(*what.tier));
}

}  // namespace

bool shows(const Filter& filter, const Event& event) {
  const std::string* cls = class_of(event);
  if (cls != nullptr) return filter.shows_class(event.service, *cls);
  return filter.shows_any_class() && filter.shows_service(event.service);
}

void fill(const Event& event, std::uint64_t epoch, v1::Event& message) {
  message.set_sequence(event.sequence);
  message.set_epoch(epoch);
  *message.mutable_at() = timestamp_message(event.at);
  message.set_service(event.service);
  message.set_pid(static_cast<std::uint32_t>(event.pid));
  std::visit([&](const auto& what) { fill(what, message); }, event.what);
}

}  // namespace pulsed::rpc
