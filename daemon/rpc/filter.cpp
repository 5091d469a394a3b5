#include "daemon/rpc/filter.h"

#include "daemon/policy/glob.h"
#include "daemon/policy/policy.h"

namespace pulsed::rpc {
namespace {

bool fits(const std::string& glob, std::string_view name) {
  return glob.empty() || policy::glob_match(glob, name);
}

// Whoever may read may send one, and matching takes time by its length.
void check_length(const std::string& glob, const FieldPath& path) {
  if (glob.size() <= policy::kLongestGlob) return;
  path.fault("is longer than " + std::to_string(policy::kLongestGlob) + " bytes");
}

}  // namespace

Filter::Filter(const v1::Filter& message, const FieldPath& path)
    : service_(message.service()), class_(message.class_()) {
  check_length(service_, path.of("service"));
  check_length(class_, path.of("class"));
}

bool Filter::shows_service(std::string_view service) const { return fits(service_, service); }

bool Filter::shows_class(std::string_view service, std::string_view task_class) const {
  return fits(service_, service) && fits(class_, task_class);
}

}  // namespace pulsed::rpc
