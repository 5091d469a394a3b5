#include "daemon/rpc/policy_change.h"

#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "daemon/policy/plain_text.h"
#include "daemon/rpc/etag.h"
#include "daemon/rpc/policy_message.h"
#include "daemon/rpc/unknown_fields.h"

namespace pulsed::rpc {
namespace {

using google::protobuf::FieldMask;
using google::protobuf::util::FieldMaskUtil;
using grpc::Status;
using grpc::StatusCode;

constexpr std::size_t kLongestComment = 1024;

// U+0080 to U+009F, which terminals obey.
bool has_c1_control(std::string_view text) {
  for (std::size_t at = text.find('\xC2'); at != text.npos; at = text.find('\xC2', at + 1)) {
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0) return true;
  }
  return false;
}

NewPolicy read(const v1::Policy& message) {
  PolicyReading reading = from_message(message);
  if (!reading.policy) return invalid(reading.faults);
  return std::move(*reading.policy);
}

void check_mask(const FieldMask& mask, const FieldPath& path) {
  for (int i = 0; i < mask.paths_size(); ++i) {
    const std::string& named = mask.paths(i);
    if (!named.empty() && FieldMaskUtil::IsValidPath<v1::Policy>(named)) continue;
    path.at(static_cast<std::size_t>(i))
        .fault("names no part of a policy; write for example `rules` or `defaults.poll_budget`");
  }
}

// What the mask names is replaced, whatever it was.
NewPolicy merged(const v1::Policy& policy, const FieldMask& mask, const revisions::Revision& old) {
  v1::Policy message = to_message(old.policy);
  FieldMaskUtil::MergeOptions replace;
  replace.set_replace_message_fields(true);
  replace.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(policy, mask, replace, &message);
  return read(message);
}

PolicyChange always(NewPolicy answer) {
  return [answer = std::move(answer)](const revisions::Revision&) { return answer; };
}

}  // namespace

Status invalid(const std::vector<FieldFault>& faults) {
  return {StatusCode::INVALID_ARGUMENT, text(faults)};
}

PolicyChange change_of(const v1::UpdatePolicyRequest& request) {
  std::vector<FieldFault> faults;
  const FieldPath root("", faults);
  find_unknown_fields(request, root);
  check_comment(request.comment(), root.of("comment"));
  check_mask(request.update_mask(), root.of("update_mask.paths"));
  if (!faults.empty()) return always(invalid(faults));
  if (request.update_mask().paths().empty()) return always(read(request.policy()));
  const auto owned = std::make_shared<const v1::UpdatePolicyRequest>(request);
  return [owned](const revisions::Revision& in_force) {
    return merged(owned->policy(), owned->update_mask(), in_force);
  };
}

PolicyChange only_if(const std::string& wanted, PolicyChange change) {
  if (wanted.empty()) return change;
  return [wanted, change = std::move(change)](const revisions::Revision& in_force) -> NewPolicy {
    if (etag(in_force) == wanted) return change(in_force);
    return Status(StatusCode::ABORTED, "etag: revision " + std::to_string(in_force.number) +
                                           " is in force by now; get it and make the change anew");
  };
}

void check_comment(const std::string& comment, const FieldPath& path) {
  if (comment.size() > kLongestComment) {
    path.fault("is longer than " + std::to_string(kLongestComment) + " bytes");
  }
  const bool controls = std::any_of(comment.begin(), comment.end(), [](char c) {
    return policy::is_control(c) && c != '\n' && c != '\t';
  });
  if (controls || has_c1_control(comment)) path.fault("has control characters");
}

}  // namespace pulsed::rpc
