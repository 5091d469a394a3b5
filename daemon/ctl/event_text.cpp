#include "daemon/ctl/event_text.h"

#include "daemon/ctl/output/printable.h"
#include "daemon/ctl/output/quantity.h"

namespace pulsed::ctl {
namespace {

std::string class_text(const std::string& name) {
  return name.empty() ? "(no class)" : printable(name);
}

// Where nothing was asked of the service.
std::string unless_enforced(v1::Enforcement enforcement) {
  if (enforcement == v1::ENFORCEMENT_ENFORCE || enforcement == v1::ENFORCEMENT_UNSPECIFIED) {
    return {};
  }
  return " (" + word(enforcement) + ")";
}

std::string spaced(std::string text) {
  for (char& c : text) {
    if (c == '_') c = ' ';
  }
  return text;
}

std::string tier_changed(const v1::TierChanged& e, const Terminal& terminal) {
  const std::string who =
      e.whole_class() ? std::string("new tasks")
                      : "task " + std::to_string(e.slot()) + "." + std::to_string(e.generation());
  std::string line = class_text(e.class_()) + ": " + who + " " + word(e.from()) + " -> " +
                     inked(terminal, ink_of(e.to()), word(e.to()));
  if (!e.reason().empty()) line += ", " + spaced(printable(e.reason()));
  if (nanoseconds(e.poll_cpu()).count() > 0) line += ", poll used " + human(e.poll_cpu());
  return line + unless_enforced(e.enforcement());
}

std::string poll_held(const v1::PollHeld& e, const Terminal& terminal) {
  std::string line =
      class_text(e.class_()) + ": " +
      inked(terminal, Ink::kYellow, "poll holds worker " + std::to_string(e.worker()));
  if (!e.thread_name().empty()) line += " (" + printable(e.thread_name()) + ")";
  line += " for " + human(e.age()) + ", used " + human(e.cpu());
  if (e.blame() != v1::BLAME_UNSPECIFIED) line += ", " + word(e.blame());
  return line + unless_enforced(e.enforcement());
}

std::string held_poll_ended(const v1::HeldPollEnded& e) {
  std::string line = class_text(e.class_()) + ": poll on worker " + std::to_string(e.worker());
  if (!e.thread_name().empty()) line += " (" + printable(e.thread_name()) + ")";
  line += std::string(" has ended, after ") + (e.at_most() ? "at most " : "") + human(e.duration());
  if (e.blame() != v1::BLAME_UNSPECIFIED) line += ", " + word(e.blame());
  return line;
}

std::string what(const v1::Event& event, const Terminal& terminal) {
  switch (event.what_case()) {
    case v1::Event::kTierChanged:
      return tier_changed(event.tier_changed(), terminal);
    case v1::Event::kPollHeld:
      return poll_held(event.poll_held(), terminal);
    case v1::Event::kHeldPollEnded:
      return held_poll_ended(event.held_poll_ended());
    case v1::Event::kAttached:
      return "attached, uid " + std::to_string(event.attached().uid());
    case v1::Event::kDetached:
      return "detached";
    case v1::Event::kPolicyChanged:
      return "policy revision " + std::to_string(event.policy_changed().revision()) +
             " in force, " + word(event.policy_changed().enforcement());
    case v1::Event::kQuarantined:
      return inked(terminal, Ink::kRed, "quarantined") + " after " +
             human(event.quarantined().rejected_records()) + " rejected records";
    case v1::Event::kPinChanged: {
      const v1::PinChanged& e = event.pin_changed();
      return class_text(e.class_()) + ": " +
             (e.tier() == v1::TIER_UNSPECIFIED
                  ? "unpinned"
                  : "pinned to " + inked(terminal, ink_of(e.tier()), word(e.tier())));
    }
    case v1::Event::WHAT_NOT_SET:
      break;
  }
  return "something that this pulsectl does not know";
}

std::string where(const v1::Event& event) {
  if (event.service().empty()) return "pulsed";
  const std::string name = printable(event.service());
  return event.pid() == 0 ? name : name + "[" + std::to_string(event.pid()) + "]";
}

}  // namespace

std::string event_line(const v1::Event& event, const Terminal& terminal) {
  return inked(terminal, Ink::kDim, date_text_ms(event.at())) + "  " +
         inked(terminal, Ink::kBold, where(event)) + "  " + what(event, terminal);
}

std::string class_of(const v1::Event& event) {
  switch (event.what_case()) {
    case v1::Event::kTierChanged:
      return event.tier_changed().class_();
    case v1::Event::kPollHeld:
      return event.poll_held().class_();
    case v1::Event::kHeldPollEnded:
      return event.held_poll_ended().class_();
    case v1::Event::kPinChanged:
      return event.pin_changed().class_();
    default:
      return {};
  }
}

bool has_class(const v1::Event& event) {
  return event.has_tier_changed() || event.has_poll_held() || event.has_held_poll_ended() ||
         event.has_pin_changed();
}

}  // namespace pulsed::ctl
