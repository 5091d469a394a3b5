#include "daemon/rpc/control_service.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/units.h"
#include "daemon/policy/plain_text.h"
#include "daemon/rpc/change_call.h"
#include "daemon/rpc/duration_message.h"
#include "daemon/rpc/policy_message.h"
#include "daemon/rpc/unknown_fields.h"

namespace pulsed::rpc {
namespace {

using grpc::Status;
using grpc::StatusCode;
using std::chrono::seconds;

// Names in shared memory have at most 63 bytes.
constexpr std::size_t kLongestName = 63;
constexpr seconds kShortestPin{1};
constexpr seconds kLongestPin = std::chrono::hours{24};

// No name in shared memory is longer, or has control characters: those of peers are replaced.
void check_name(const std::string& name, const FieldPath& path) {
  if (name.size() > kLongestName) {
    path.fault("is longer than any name: " + std::to_string(kLongestName) + " bytes");
  }
  if (std::any_of(name.begin(), name.end(), policy::is_control)) {
    path.fault("has control characters, which no name has");
  }
}

ClassName read_class(const std::string& service, const std::string& task_class,
                     const FieldPath& root) {
  if (service.empty()) root.of("service").fault("needs the name of a service");
  check_name(service, root.of("service"));
  check_name(task_class, root.of("class"));
  return {service, task_class};
}

std::string text(const ClassName& cls) {
  return in_quotes(cls.service) + " " + in_quotes(cls.task_class);
}

std::optional<seconds> read_ttl(const v1::PinTierRequest& request, const FieldPath& path) {
  if (!request.has_ttl()) return {};
  const auto ttl = read_duration(request.ttl(), path);
  if (!ttl) return {};
  if (*ttl >= kShortestPin && *ttl <= kLongestPin) return std::chrono::ceil<seconds>(*ttl);
  path.fault(ttl->count() < 0 ? "is negative"
                              : config::duration_text(*ttl) + " is outside 1s to 24h");
  return {};
}

struct Pin {
  ClassName cls;
  std::optional<policy::Tier> tier;  // none: a fault
  std::optional<seconds> ttl;
};

Pin read_pin(const v1::PinTierRequest& request, const FieldPath& root) {
  Pin pin;
  find_unknown_fields(request, root);
  pin.cls = read_class(request.service(), request.class_(), root);
  const int tier = request.tier();
  if (tier >= 1 && static_cast<std::size_t>(tier) <= policy::kTierCount) {
    pin.tier = static_cast<policy::Tier>(tier - 1);
  } else {
    root.of("tier").fault("needs one of the tiers");
  }
  pin.ttl = read_ttl(request, root.of("ttl"));
  check_comment(request.comment(), root.of("comment"));
  return pin;
}

// The right first, then what is wrong with the request, then what `act` finds.
template <typename Act>
Status controlled(const Caller& caller, const std::vector<FieldFault>& faults, Act act) {
  if (!caller.may_change) return denied(caller);
  if (!faults.empty()) return invalid(faults);
  return act();
}

grpc::ServerUnaryReactor* finished(grpc::CallbackServerContext* context, const Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

// A limit no rule exceeds goes with observe and shadow, and falls with enforce.
PolicyChange enforcement_change(const v1::SetEnforcementRequest& request) {
  std::vector<FieldFault> faults;
  const int number = request.enforcement();
  if (number < 1 || static_cast<std::size_t>(number) > policy::kEnforcementCount) {
    faults.push_back({"enforcement", "needs observe, shadow or enforce"});
  }
  find_unknown_fields(request, FieldPath("", faults));
  check_comment(request.comment(), FieldPath("comment", faults));
  return [faults, number](const revisions::Revision& in_force) -> NewPolicy {
    if (!faults.empty()) return invalid(faults);
    policy::Policy policy = in_force.policy;
    policy.enforcement = policy.enforcement_limit = static_cast<policy::Enforcement>(number - 1);
    return policy;
  };
}

std::string enforcement_name(int number) {
  if (number < 1 || static_cast<std::size_t>(number) > policy::kEnforcementCount) return "?";
  return std::string(policy::kEnforcementNames[static_cast<std::size_t>(number - 1)]);
}

}  // namespace

grpc::ServerUnaryReactor* ControlService::PinTier(Context* context,
                                                  const v1::PinTierRequest* request,
                                                  v1::PinTierResponse* /*response*/) {
  const Caller caller = rule_.caller(*context);
  std::vector<FieldFault> faults;
  const Pin pin = read_pin(*request, FieldPath("", faults));
  const Status status = controlled(caller, faults, [&]() -> Status {
    if (core_.site.controls.pin(pin.cls, *pin.tier, pin.ttl)) return Status::OK;
    return {StatusCode::RESOURCE_EXHAUSTED,
            std::to_string(Controls::kMostPins) + " classes are pinned; unpin one first"};
  });
  const std::string ttl =
      pin.ttl ? " for " + std::to_string(pin.ttl->count()) + "s" : std::string();
  core_.audit->note(caller,
                    "PinTier " + text(pin.cls) + " at " +
                        (pin.tier ? std::string(policy::name(*pin.tier)) : "?") + ttl,
                    request->comment(), status, "done");
  return finished(context, status);
}

grpc::ServerUnaryReactor* ControlService::Unpin(Context* context, const v1::UnpinRequest* request,
                                                v1::UnpinResponse* /*response*/) {
  const Caller caller = rule_.caller(*context);
  std::vector<FieldFault> faults;
  const FieldPath root("", faults);
  find_unknown_fields(*request, root);
  const ClassName cls = read_class(request->service(), request->class_(), root);
  check_comment(request->comment(), root.of("comment"));
  const Status status = controlled(caller, faults, [&]() -> Status {
    if (core_.site.controls.unpin(cls)) return Status::OK;
    return {StatusCode::NOT_FOUND, text(cls) + " is not pinned"};
  });
  core_.audit->note(caller, "Unpin " + text(cls), request->comment(), status, "done");
  return finished(context, status);
}

grpc::ServerUnaryReactor* ControlService::SetEnforcement(Context* context,
                                                         const v1::SetEnforcementRequest* request,
                                                         v1::SetEnforcementResponse* response) {
  return change_policy(core_, rule_, context,
                       {.what = "SetEnforcement " + enforcement_name(request->enforcement()),
                        .comment = request->comment(),
                        .make = [request] { return enforcement_change(*request); }},
                       response->mutable_policy());
}

}  // namespace pulsed::rpc
